using Litespark.Graphs;

namespace Litespark.Planning.Passes;

/// <summary>What the backward pass computes again instead of keeping (Chen et al. 2016; selective: Korthikanti et al. 2022).</summary>
public enum RecomputeMode
{
    /// <summary>Everything that backward reads is kept.</summary>
    None,

    /// <summary>Norms, rotations and activations are computed again from the products that they follow.</summary>
    Selective,

    /// <summary>Only each layer's input is kept; the layer runs again in the backward pass.</summary>
    Full,
}

/// <summary>Gives the backward pass clones of forward nodes, right before they are first needed, so that their results need not be kept.</summary>
internal static class Recompute
{
    public static void Run(Graph graph, RecomputeMode mode)
    {
        if (mode == RecomputeMode.None) return;
        HashSet<Value> kept = Kept(graph, mode);
        var result = new List<Node>();
        var builder = new GraphBuilder(graph) { Phase = Phase.Backward, Sink = result.Add };
        var clones = new Dictionary<Value, Value>();

        Value Rematerialise(Value value)
        {
            if (clones.TryGetValue(value, out Value? known)) return known;
            if (kept.Contains(value) || value.Producer is not { Phase: Phase.Forward } producer) return value;
            (Op op, IReadOnlyList<Value> sources) = producer.Op.Recomputation(producer, kept);
            Value[] inputs = [.. sources.Select(Rematerialise)];
            builder.Layer = producer.Layer;
            IReadOnlyList<Value> outputs = builder.Apply(op, inputs, op.Name);
            for (int i = 0; i < outputs.Count; i++) clones[producer.Outputs[i]] = outputs[i];
            return clones[value];
        }

        foreach (Node node in graph.Nodes.ToArray())
        {
            if (node.Phase != Phase.Backward || node.Inputs.All(input => Rematerialise(input) == input))
            {
                result.Add(node);
                continue;
            }

            result.Add(new Node(node.Op, [.. node.Inputs.Select(Rematerialise)], node.Outputs, node.Phase, node.Layer));
        }

        graph.SetNodes(result);
    }

    /// <summary>Forward values that the backward pass may read where they are.</summary>
    static HashSet<Value> Kept(Graph graph, RecomputeMode mode)
    {
        Dictionary<Value, List<Node>> readers = new GraphRewriter(graph).Uses;

        // A layer's result is read by the next layer; it, and everything outside the layers, stays.
        bool LeavesLayer(Node node, Value output) => node.Layer < 0 || (readers.TryGetValue(output, out List<Node>? list)
            && list.Any(reader => reader.Phase == Phase.Forward && reader.Layer != node.Layer));

        var kept = new HashSet<Value>();
        foreach (Node node in graph.Nodes.Where(node => node.Phase == Phase.Forward))
        {
            // A norm that was fused with the addition before it belongs to the layer of the addition: what leaves the layer
            // is the sum, from which the norm is made again.
            if (node.Op.SumOutput is { } sum && node.Layer >= 0)
            {
                if (mode == RecomputeMode.Selective || node.Outputs.Any(output => LeavesLayer(node, output))) kept.Add(node.Outputs[sum]);
                continue;
            }

            for (int index = 0; index < node.Outputs.Count; index++)
                if (LeavesLayer(node, node.Outputs[index]) || (mode == RecomputeMode.Selective && !node.Op.IsCheap(index))) kept.Add(node.Outputs[index]);
        }

        return kept;
    }
}
