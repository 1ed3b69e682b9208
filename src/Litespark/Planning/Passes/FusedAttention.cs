using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning.Passes;

/// <summary>Scores, scale, mask, softmax and mix become one kernel with an online softmax: no T × T matrix, forward or backward.</summary>
internal static class FusedAttention
{
    public static void Run(Graph graph)
    {
        var rewriter = new GraphRewriter(graph);
        foreach (Node mix in graph.Nodes.Where(node => node.Op is HeadProduct { Kind: HeadProductKind.Mix, Scale: 1f }))
        {
            if (Only<Softmax>(mix, rewriter) is not { } softmax || Only<CausalMask>(softmax, rewriter) is not { } mask
                || Only<Scale>(mask, rewriter) is not { } scale || Only<HeadProduct>(scale, rewriter) is not { } scores) continue;
            if (scores.Op is not HeadProduct { Kind: HeadProductKind.Scores } product) continue;
            rewriter.Replace(mix, builder =>
            {
                var causal = (CausalMask)mask.Op;
                var op = new Attention(product.Geometry, causal.Window, product.Scale * ((Scale)scale.Op).Factor) { HasPattern = causal.HasPattern };
                Value[] inputs = [scores.Inputs[0], scores.Inputs[1], mix.Inputs[1], .. mask.Inputs.Skip(1)];
                rewriter.Substitute(mix.Output, builder.Apply(op, [.. inputs.Select(rewriter.Current)])[0]);
            });
            foreach (Node node in (Node[])[scores, scale, mask, softmax]) rewriter.Remove(node);
        }

        rewriter.Apply();
    }

    /// <summary>The node that makes a reader's first operand, if its op is of a kind and nobody else reads the result.</summary>
    static Node? Only<TOp>(Node reader, GraphRewriter rewriter) where TOp : Op
        => reader.Inputs[0].Producer is { Op: TOp } producer && rewriter.OnlyUse(producer.Output) == reader ? producer : null;
}
