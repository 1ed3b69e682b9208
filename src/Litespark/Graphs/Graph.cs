namespace Litespark.Graphs;

/// <summary>
/// A list of nodes in execution order over SSA values. Passes rewrite it by replacing nodes and values;
/// <see cref="GraphBuilder"/> is the only way to add to it.
/// </summary>
public sealed class Graph
{
    readonly List<Node> nodes = [];
    readonly List<Value> sources = [];
    readonly List<GraphOutput> outputs = [];
    int nextId;

    /// <summary>Nodes in execution order.</summary>
    public IReadOnlyList<Node> Nodes => nodes;

    /// <summary>Values that no node computes: inputs, parameters, state, constants.</summary>
    public IReadOnlyList<Value> Sources => sources;

    /// <summary>Values that outlive the step, by name.</summary>
    public IReadOnlyList<GraphOutput> Outputs => outputs;

    /// <summary>Declares that a value is to be found under a name in persistent memory after the step.</summary>
    public void AddOutput(string name, Value value) => outputs.Add(new GraphOutput(name, value));

    /// <summary>The value declared under a name.</summary>
    public Value Output(string name) => outputs.First(o => o.Name == name).Value;

    internal Value NewValue(string name, TensorType type, ValueRole role) => new(nextId++, name, type, role);

    internal Value AddParameter(string name, TensorType type, Initializer initializer, bool trainable)
    {
        var value = new Value(nextId++, name, type, ValueRole.Parameter) { IsTrainable = trainable, Initializer = initializer };
        sources.Add(value);
        return value;
    }

    internal Value AddConstant(string name, Shape shape, Action<Span<float>> contents)
    {
        var value = new Value(nextId++, name, new TensorType(shape), ValueRole.Constant) { Contents = contents };
        sources.Add(value);
        return value;
    }

    internal Value AddSource(string name, TensorType type, ValueRole role)
    {
        Value value = NewValue(name, type, role);
        sources.Add(value);
        return value;
    }

    /// <summary>Replaces parameters by one that stores them one after the other along its rows.</summary>
    internal Value Pack(IReadOnlyList<Value> members)
    {
        Shape first = members[0].Shape;
        TensorType type = members[0].Type.Of(first.With(0, members.Sum(member => member.Shape[0])));
        var packed = new Value(nextId++, string.Join('+', members.Select(member => member.Name)), type, ValueRole.Parameter)
        {
            Members = members,
            IsTrainable = members[0].IsTrainable,
        };
        sources[sources.IndexOf(members[0])] = packed;
        foreach (Value member in members) sources.Remove(member);
        return packed;
    }

    internal void Add(Node node) => nodes.Add(node);

    /// <summary>Replaces all nodes (a pass's result); the order is the execution order.</summary>
    internal void SetNodes(IEnumerable<Node> replacement)
    {
        List<Node> list = replacement.ToList();
        nodes.Clear();
        nodes.AddRange(list);
        foreach (Node node in nodes)
            foreach (Value output in node.Outputs) output.Producer = node;
    }

    internal void ReplaceOutputs(Func<Value, Value> map)
    {
        for (int i = 0; i < outputs.Count; i++) outputs[i] = outputs[i] with { Value = map(outputs[i].Value) };
    }

    /// <summary>Readable listing, one node a line.</summary>
    public override string ToString() => string.Join('\n', nodes);
}

/// <summary>A value that is found under a name in persistent memory after the step.</summary>
public sealed record GraphOutput(string Name, Value Value);
