namespace Litespark.Graphs;

/// <summary>Adds sources and nodes to a graph. The functions for single ops are in <c>GraphOps.cs</c>.</summary>
public sealed partial class GraphBuilder
{
    /// <summary>Builds into a graph.</summary>
    public GraphBuilder(Graph graph) => Graph = graph;

    /// <summary>Builds into a new graph.</summary>
    public GraphBuilder() : this(new Graph()) { }

    /// <summary>The graph so far.</summary>
    public Graph Graph { get; }

    /// <summary>Phase of the nodes that are added.</summary>
    public Phase Phase { get; set; } = Phase.Forward;

    /// <summary>Layer of the nodes that are added; −1 outside the layers.</summary>
    public int Layer { get; set; } = -1;

    /// <summary>Element type of the weights and caches, and so of all that is computed from them.</summary>
    public DataType Precision { get; init; } = DataType.Float32;

    /// <summary>Where nodes go; passes collect them elsewhere.</summary>
    internal Action<Node>? Sink { get; set; }

    /// <summary>A value that the host fills before the plan runs.</summary>
    public Value Input(string name, Shape shape, DataType type = DataType.Float32) => Graph.AddSource(name, new TensorType(shape, type), ValueRole.Input);

    /// <summary>A weight under its canonical name; asking again for the same name gives the same weight (tied weights).</summary>
    public Value Parameter(string name, Shape shape, Initializer initializer)
    {
        Value? known = Graph.Sources.FirstOrDefault(source => source.Role == ValueRole.Parameter && source.Name == name);
        return known ?? Graph.AddParameter(name, new TensorType(shape, Precision), initializer, IsTrainable(name));
    }

    /// <summary>Which parameters train; all by default.</summary>
    public Func<string, bool> IsTrainable { get; init; } = _ => true;

    /// <summary>A value that stays from step to step.</summary>
    public Value State(string name, Shape shape, DataType type = DataType.Float32) => Graph.AddSource(name, new TensorType(shape, type), ValueRole.State);

    /// <summary>A table that is written once when the program is loaded; asking again for the same name gives the same table.</summary>
    public Value Constant(string name, Shape shape, Action<Span<float>> contents)
        => Graph.Sources.FirstOrDefault(source => source.Role == ValueRole.Constant && source.Name == name) ?? Graph.AddConstant(name, shape, contents);

    /// <summary>Applies an op and returns its outputs.</summary>
    public IReadOnlyList<Value> Apply(Op op, params Value[] inputs) => Apply(op, inputs, label: null);

    /// <summary>Applies an op with one output.</summary>
    public Value Apply1(Op op, params Value[] inputs) => Apply(op, inputs, label: null)[0];

    internal IReadOnlyList<Value> Apply(Op op, IReadOnlyList<Value> inputs, string? label)
    {
        ValueRole role = Phase == Phase.Backward ? ValueRole.Gradient : ValueRole.Activation;
        Value[] outputs = op.Infer(inputs).Select(type => Graph.NewValue(label ?? op.Name, type, role)).ToArray();
        var node = new Node(op, inputs, outputs, Phase, Layer);
        if (Sink is null) Graph.Add(node);
        else Sink(node);
        return outputs;
    }
}
