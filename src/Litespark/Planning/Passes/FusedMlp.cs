using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning.Passes;

/// <summary>
/// act(x·Wgᵀ) ∘ (x·Wuᵀ) becomes one product with the packed gate and up weights and one gated activation:
/// one read of x, no activation and product in memory of their own, and a backward in one pass.
/// </summary>
internal static class FusedMlp
{
    public static void Run(Graph graph)
    {
        var rewriter = new GraphRewriter(graph);
        foreach (Node multiply in graph.Nodes.Where(node => node.Op is Multiply))
        {
            if (Match(multiply, rewriter) is not { } match) continue;
            (Node gate, Node up, Node activation) = match;
            var kind = ((Activation)activation.Op).Kind;
            rewriter.Replace(multiply, builder =>
            {
                Value gateUp = FusedQkv.Fused(graph, builder, rewriter, [gate, up], (MatMul)gate.Op);
                rewriter.Substitute(multiply.Output, builder.Apply1(new GatedActivation(kind), gateUp));
            });
            foreach (Node node in (Node[])[gate, up, activation]) rewriter.Remove(node);
        }

        rewriter.Apply();
    }

    /// <summary>Whether a projection is one half of a gated unit.</summary>
    internal static bool FeedsGate(Node projection, GraphRewriter rewriter)
        => rewriter.OnlyUse(projection.Output) is { } use
            && (use.Op is Multiply || (use.Op is Activation && rewriter.OnlyUse(use.Output)?.Op is Multiply));

    static (Node Gate, Node Up, Node Activation)? Match(Node multiply, GraphRewriter rewriter)
    {
        for (int side = 0; side < 2; side++)
        {
            Node? activation = multiply.Inputs[side].Producer, up = multiply.Inputs[1 - side].Producer;
            if (activation?.Op is not Activation || rewriter.OnlyUse(activation.Output) != multiply) continue;
            Node? gate = activation.Inputs[0].Producer;
            if (gate is null || up is null || gate == up || gate.Op != up.Op || gate.Inputs[0] != up.Inputs[0]) continue;
            if (!FusedQkv.IsProjection(gate, rewriter) || !FusedQkv.IsProjection(up, rewriter)) continue;
            if (rewriter.OnlyUse(gate.Output) != activation || rewriter.OnlyUse(up.Output) != multiply) continue;
            if (gate.Inputs[1].IsTrainable != up.Inputs[1].IsTrainable || gate.Output.Shape != up.Output.Shape) continue;
            return (gate, up, activation);
        }

        return null;
    }
}
