using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning.Passes;

/// <summary>Scores, masked softmax and mix become one kernel with an online softmax: no T × T matrix, forward or backward.</summary>
internal static class FusedAttention
{
    public static void Run(Graph graph)
    {
        var rewriter = new GraphRewriter(graph);
        foreach (Node mix in graph.Nodes.Where(node => node.Op is HeadProduct { Kind: HeadProductKind.Mix, Scale: 1f }))
        {
            if (mix.Inputs[0].Producer is not { Op: MaskedSoftmax softmaxOp } softmax || rewriter.OnlyUse(softmax.Output) != mix) continue;
            if (softmax.Inputs[0].Producer is not { Op: HeadProduct { Kind: HeadProductKind.Scores } scoresOp } scores || rewriter.OnlyUse(scores.Output) != softmax) continue;
            rewriter.Replace(mix, builder =>
            {
                var op = new Attention(scoresOp.Geometry, softmaxOp.Window, scoresOp.Scale);
                Value[] inputs = [scores.Inputs[0], scores.Inputs[1], mix.Inputs[1], softmax.Inputs[1]];
                rewriter.Substitute(mix.Output, builder.Apply(op, [.. inputs.Select(rewriter.Current)])[0]);
            });
            rewriter.Remove(scores);
            rewriter.Remove(softmax);
        }

        rewriter.Apply();
    }
}
