using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning.Passes;

/// <summary>A residual addition and the norm that reads its sum become one kernel: one pass over memory instead of two.</summary>
internal static class FusedNorm
{
    public static void Run(Graph graph)
    {
        var rewriter = new GraphRewriter(graph);
        foreach (Node norm in graph.Nodes)
        {
            Op? fused = norm.Op switch
            {
                RmsNorm { HasResidual: false } op when op.GroupSize == norm.Inputs[0].Shape.Columns => op with { HasResidual = true },
                LayerNorm { HasResidual: false } op => op with { HasResidual = true },
                _ => null,
            };
            if (fused is null || norm.Inputs[0].Producer is not { Op: Add } add || rewriter.IsClaimed(add)) continue;
            rewriter.Replace(add, builder =>
            {
                Value[] parameters = [.. norm.Inputs.Skip(1)];
                IReadOnlyList<Value> outputs = builder.Apply(fused, [rewriter.Current(add.Inputs[0]), .. parameters, rewriter.Current(add.Inputs[1])]);
                for (int i = 0; i < norm.Outputs.Count; i++) rewriter.Substitute(norm.Outputs[i], outputs[i]);
                rewriter.Substitute(add.Output, outputs[^1]);
            });
            rewriter.Remove(norm);
        }

        rewriter.Apply();
    }
}
