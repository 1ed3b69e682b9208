namespace Litespark.Graphs;

/// <summary>
/// Reverse-mode differentiation: appends to a graph the nodes that compute the derivative of a scalar by parameters.
/// Only values between a trainable parameter and the loss get a gradient; nothing is computed or kept for the rest.
/// </summary>
public static class Autodiff
{
    /// <summary>
    /// Appends the backward pass of <paramref name="loss"/> and returns the gradient of each trainable parameter.
    /// A parameter that the loss does not depend on has no entry.
    /// </summary>
    /// <param name="graph">Graph that holds the forward pass.</param>
    /// <param name="loss">A scalar [1].</param>
    /// <param name="seed">Derivative that the loss is multiplied by [1]: one over the number of target tokens, at run time.</param>
    /// <param name="trainable">Parameters to differentiate by.</param>
    public static IReadOnlyDictionary<Value, Value> Differentiate(Graph graph, Value loss, Value seed, IReadOnlyCollection<Value> trainable)
    {
        Node[] forward = [.. graph.Nodes];
        var needed = new HashSet<Value>(trainable);
        foreach (Node node in forward)
            if (node.Inputs.Any(needed.Contains)) needed.UnionWith(node.Outputs);

        var builder = new GraphBuilder(graph) { Phase = Phase.Backward };
        var context = new GradientContext(builder, needed);
        context.Add(loss, seed);
        for (int i = forward.Length - 1; i >= 0; i--)
        {
            Node node = forward[i];
            if (!node.Inputs.Any(needed.Contains) || !node.Outputs.Any(context.Has)) continue;
            builder.Layer = node.Layer;
            node.Op.Differentiate(node, context);
        }

        var gradients = new Dictionary<Value, Value>();
        foreach (Value parameter in trainable)
        {
            builder.Layer = -1;
            if (context.Of(parameter) is { } gradient) gradients[parameter] = gradient;
        }

        return gradients;
    }
}

/// <summary>The gradients known so far while the backward pass is emitted.</summary>
public sealed class GradientContext
{
    readonly HashSet<Value> needed;
    readonly Dictionary<Value, List<Contribution>> contributions = [];
    readonly Dictionary<Value, Value> resolved = [];

    internal GradientContext(GraphBuilder builder, HashSet<Value> needed)
    {
        Builder = builder;
        this.needed = needed;
    }

    /// <summary>Emits the backward pass.</summary>
    public GraphBuilder Builder { get; }

    /// <summary>Whether a gradient with respect to this value is wanted.</summary>
    public bool Needs(Value value) => needed.Contains(value);

    /// <summary>The gradient of a value: the sum of all contributions, or null if nothing depends on it.</summary>
    public Value? Of(Value value)
    {
        if (resolved.TryGetValue(value, out Value? known)) return known;
        if (!contributions.TryGetValue(value, out List<Contribution>? parts)) return null;
        List<Value> whole = parts.Where(part => part.Axis < 0).Select(part => part.Gradient).ToList();
        List<Contribution> slices = parts.Where(part => part.Axis >= 0).ToList();
        if (slices.Count > 0) whole.Add(Assemble(value, slices));
        Value sum = whole[0];
        foreach (Value next in whole.Skip(1)) sum = Builder.Add(sum, next);
        return resolved[value] = sum;
    }

    /// <summary>Adds a contribution to a value's gradient, in its element type (<see cref="Value.GradientType"/>); ignored where no gradient is wanted.</summary>
    public void Add(Value value, Value gradient) => Contribute(value, new Contribution(gradient, -1, 0, 0));

    /// <summary>Adds a contribution to a range of rows (axis 0) or columns (axis 1).</summary>
    public void AddSlice(Value value, int axis, int start, int length, Value gradient) => Contribute(value, new Contribution(gradient, axis, start, length));

    internal bool Has(Value value) => contributions.ContainsKey(value);

    void Contribute(Value value, Contribution contribution)
    {
        if (!needed.Contains(value) && contributions.Count > 0) return;
        contribution = contribution with { Gradient = Builder.Cast(contribution.Gradient, value.GradientType) };
        if (!contributions.TryGetValue(value, out List<Contribution>? parts)) contributions[value] = parts = [];
        parts.Add(contribution);
    }

    /// <summary>
    /// The slices of one value are disjoint and cover it where they come from a fused projection that was cut up:
    /// then the gradient is their concatenation. Overlaps and gaps go through sums and zeros.
    /// </summary>
    Value Assemble(Value value, List<Contribution> slices)
    {
        int axis = slices[0].Axis;
        if (slices.Any(slice => slice.Axis != axis)) throw new InvalidOperationException($"{value}: sliced along both axes");
        int size = axis == 0 ? value.Shape.Rows : value.Shape.Columns;
        var pieces = new List<Value>();
        int position = 0;
        foreach (IGrouping<(int Start, int Length), Contribution> group in slices.GroupBy(slice => (slice.Start, slice.Length)).OrderBy(group => group.Key.Start))
        {
            if (group.Key.Start < position) throw new InvalidOperationException($"{value}: overlapping slices are not differentiable");
            if (group.Key.Start > position) pieces.Add(Zeros(value, axis, group.Key.Start - position));
            Value sum = group.First().Gradient;
            foreach (Contribution next in group.Skip(1)) sum = Builder.Add(sum, next.Gradient);
            pieces.Add(sum);
            position = group.Key.Start + group.Key.Length;
        }

        if (position < size) pieces.Add(Zeros(value, axis, size - position));
        return pieces.Count == 1 ? pieces[0] : Builder.Concat(axis, [.. pieces]);
    }

    Value Zeros(Value value, int axis, int length)
        => Builder.Fill(value.Shape.With(axis == 0 ? 0 : value.Shape.Rank - 1, length), 0, value.GradientType);

    sealed record Contribution(Value Gradient, int Axis, int Start, int Length);
}
