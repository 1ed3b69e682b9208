using Litespark.Graphs;

namespace Litespark.Planning.Passes;

/// <summary>
/// Rebuilds a graph node by node: a pass says which nodes go and what is emitted in the place of others.
/// Values that are replaced are substituted in all later nodes and in the graph's outputs.
/// </summary>
internal sealed class GraphRewriter
{
    readonly Graph graph;
    readonly Dictionary<Value, Value> substitutions = [];
    readonly HashSet<Node> removed = [];
    readonly Dictionary<Node, Action<GraphBuilder>> replacements = [];

    public GraphRewriter(Graph graph)
    {
        this.graph = graph;
        foreach (Node node in graph.Nodes)
            foreach (Value input in node.Inputs)
            {
                if (!Uses.TryGetValue(input, out List<Node>? list)) Uses[input] = list = [];
                list.Add(node);
            }

        foreach (GraphOutput output in graph.Outputs) OutputValues.Add(output.Value);
    }

    /// <summary>Nodes that read a value, once for each operand.</summary>
    public Dictionary<Value, List<Node>> Uses { get; } = [];

    /// <summary>Values that outlive the step.</summary>
    public HashSet<Value> OutputValues { get; } = [];

    /// <summary>The only reader of a value that is not an output of the graph; null if there are several or none.</summary>
    public Node? OnlyUse(Value value)
        => !OutputValues.Contains(value) && Uses.TryGetValue(value, out List<Node>? list) && list.Count == 1 ? list[0] : null;

    /// <summary>Whether a node was already claimed by a match.</summary>
    public bool IsClaimed(Node node) => removed.Contains(node) || replacements.ContainsKey(node);

    /// <summary>Drops a node.</summary>
    public void Remove(Node node) => removed.Add(node);

    /// <summary>Emits something else in the place of a node; the action calls <see cref="Substitute"/> for its outputs.</summary>
    public void Replace(Node node, Action<GraphBuilder> emit) => replacements[node] = emit;

    /// <summary>Later readers of <paramref name="old"/> read <paramref name="replacement"/>.</summary>
    public void Substitute(Value old, Value replacement) => substitutions[old] = replacement;

    /// <summary>What a value is called now.</summary>
    public Value Current(Value value)
    {
        while (substitutions.TryGetValue(value, out Value? next)) value = next;
        return value;
    }

    /// <summary>Carries out the removals and replacements.</summary>
    public void Apply()
    {
        if (removed.Count == 0 && replacements.Count == 0) return;
        var result = new List<Node>();
        var builder = new GraphBuilder(graph) { Sink = result.Add };
        foreach (Node node in graph.Nodes.ToArray())
        {
            if (replacements.TryGetValue(node, out Action<GraphBuilder>? emit))
            {
                builder.Phase = node.Phase;
                builder.Layer = node.Layer;
                emit(builder);
            }
            else if (!removed.Contains(node))
            {
                result.Add(node.Inputs.Any(substitutions.ContainsKey)
                    ? new Node(node.Op, [.. node.Inputs.Select(Current)], node.Outputs, node.Phase, node.Layer)
                    : node);
            }
        }

        graph.SetNodes(result);
        graph.ReplaceOutputs(Current);
    }
}
