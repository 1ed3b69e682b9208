using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning.Passes;

/// <summary>
/// Projections of one input by several parameters (Q, K and V) become one product with the packed parameter, cut into views:
/// the input is read once, and its gradient is one product instead of a sum of three.
/// </summary>
internal static class FusedQkv
{
    public static void Run(Graph graph)
    {
        var rewriter = new GraphRewriter(graph);
        foreach (IGrouping<(Value Input, Op Op), Node> siblings in graph.Nodes.Where(node => IsProjection(node, rewriter)).GroupBy(node => (node.Inputs[0], node.Op)))
        {
            Node[] nodes = [.. siblings];
            if (nodes.Length < 2 || nodes.Select(node => node.Inputs[1].IsTrainable).Distinct().Count() > 1 || nodes.Any(node => FusedMlp.FeedsGate(node, rewriter))) continue;
            Merge(graph, rewriter, nodes);
        }

        rewriter.Apply();
    }

    /// <summary>x · Wᵀ with a parameter that nothing else reads.</summary>
    internal static bool IsProjection(Node node, GraphRewriter rewriter)
        => node.Op is MatMul { TransposeA: false, TransposeB: true } matmul
            && IsOwnParameter(node.Inputs[1], rewriter) && (!matmul.HasBias || IsOwnParameter(node.Inputs[2], rewriter));

    /// <summary>Replaces the projections by one (at the place of the first) and slices of it.</summary>
    static void Merge(Graph graph, GraphRewriter rewriter, Node[] nodes)
    {
        var op = (MatMul)nodes[0].Op;
        rewriter.Replace(nodes[0], builder =>
        {
            Value fused = Fused(graph, builder, rewriter, nodes, op);
            int start = 0;
            foreach (Node node in nodes)
            {
                int width = node.Output.Shape.Columns;
                rewriter.Substitute(node.Output, builder.Slice(fused, 1, start, width));
                start += width;
            }
        });
        foreach (Node node in nodes.Skip(1)) rewriter.Remove(node);
    }

    internal static Value Fused(Graph graph, GraphBuilder builder, GraphRewriter rewriter, Node[] nodes, MatMul op)
    {
        Value weight = graph.Pack([.. nodes.Select(node => node.Inputs[1])]);
        Value x = rewriter.Current(nodes[0].Inputs[0]);
        return op.HasBias
            ? builder.Apply1(op, x, weight, graph.Pack([.. nodes.Select(node => node.Inputs[2])]))
            : builder.Apply1(op, x, weight);
    }

    static bool IsOwnParameter(Value value, GraphRewriter rewriter)
        => value.Role == ValueRole.Parameter && value.Members.Count == 0 && rewriter.OnlyUse(value) is not null;
}
