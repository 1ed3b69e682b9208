using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning.Passes;

/// <summary>
/// Products with a sparse weight become products over its live blocks: forward, gradient of the input and gradient of the weight. Runs last,
/// on the calls as all other passes left them, so that fused, chunked and recomputed products are found alike.
/// </summary>
internal static class BlockSparsity
{
    /// <summary>Name of the buffer that says which blocks of a stored parameter are live.</summary>
    public static string TopologyName(string parameter) => "topology/" + parameter;

    /// <summary>Rewrites the products of a graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="parameters">Where parameters lie: a stored parameter with a grid is sparse.</param>
    public static void Run(Graph graph, ParameterTable parameters)
    {
        Dictionary<string, BlockGrid> grids = parameters.Stored.Where(parameter => parameter.Grid is not null).ToDictionary(parameter => parameter.Name, parameter => parameter.Grid!);
        if (grids.Count == 0) return;
        var rewriter = new GraphRewriter(graph);
        var topologies = new Dictionary<string, Value>();
        Value Topology(string parameter, BlockGrid grid)
            => topologies.TryGetValue(parameter, out Value? known) ? known
                : topologies[parameter] = new GraphBuilder(graph).State(TopologyName(parameter), new Shape(grid.TopologyLength), DataType.Int32);

        foreach (Node node in graph.Nodes)
        {
            if (node.Op is not MatMul { TransposeA: false, Alpha: 1f } op || node.Inputs[1] is not { Role: ValueRole.Parameter } weight || !grids.TryGetValue(weight.Name, out BlockGrid? grid)) continue;
            Value topology = Topology(weight.Name, grid);
            Emit(rewriter, node, new BlockSparseMatMul(grid, op.TransposeB, op.HasBias) { Addends = op.Addends },
                [node.Inputs[0], weight, topology, .. node.Inputs.Skip(2)]);
        }

        foreach ((string name, BlockGrid grid) in grids)
        {
            if (graph.Outputs.FirstOrDefault(output => output.Name == ProgramBuilder.GradientName(name)) is not { } gradient) continue;
            foreach (Node node in WeightProducts(gradient.Value))
                Emit(rewriter, node, new BlockSparseWeightGradient(grid, node.Output.Type.DataType) { Addends = node.Op.Addends },
                    [node.Inputs[0], node.Inputs[1], Topology(name, grid), .. node.Inputs.Skip(2)]);
        }

        rewriter.Apply();
    }

    static void Emit(GraphRewriter rewriter, Node node, Op op, IReadOnlyList<Value> inputs)
        => rewriter.Replace(node, builder => rewriter.Substitute(node.Output, builder.Apply(op, [.. inputs.Select(rewriter.Current)], null)[0]));

    /// <summary>
    /// The products of the form aᵀ · b that a gradient is the sum of. What else it consists of (an embedding's gradient, of a head that shares its
    /// weight) stays whole: what lies in dead blocks is read by nobody.
    /// </summary>
    static List<Node> WeightProducts(Value gradient)
    {
        var products = new List<Node>();
        var pending = new Stack<Value>([gradient]);
        while (pending.TryPop(out Value? value))
        {
            if (value.Producer is not { } node) continue;
            if (node.Op is MatMul { TransposeA: true, TransposeB: false, HasBias: false, Alpha: 1f }) products.Add(node);
            if (node.Op is Add or Copy)
            {
                foreach (Value input in node.Inputs) pending.Push(input);
            }
            else if (node.AddendOf(node.Outputs.ToList().IndexOf(value)) is { } addend)
            {
                pending.Push(addend);
            }
        }

        return products;
    }
}
