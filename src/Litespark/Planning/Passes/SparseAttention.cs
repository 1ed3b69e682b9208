using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning.Passes;

/// <summary>
/// Gives every attention of a training program its pattern as one more input: which keys each head sees is run-time content, which the host
/// writes between steps. Runs on the forward graph when attention is fused, or decomposed, for good.
/// </summary>
internal static class SparseAttention
{
    /// <summary>Name of the buffer with the patterns of an attention. Attentions are numbered in order: by layers, in a model with one a layer.</summary>
    public static string PatternName(int layer) => $"attention_pattern/{layer}";

    /// <summary>Name of the shares of its visible pairs that each attention computed, summed over a step's micro-batches; fused attentions alone have them.</summary>
    public const string Live = "attention_live";

    /// <summary>Rewrites the attentions of a graph.</summary>
    /// <exception cref="UserErrorException">The device has no kernel for it.</exception>
    public static void Run(Graph graph, DeviceProfile device)
    {
        var rewriter = new GraphRewriter(graph);
        int layer = 0;
        foreach (Node node in graph.Nodes)
        {
            if (WithPattern(node.Op) is not { } op) continue;
            if (!device.Supports(op)) throw new UserErrorException($"Sparse attention: the device {device.Name} has no kernel for it; train with dense attention there, or on the device cpu.");
            AttentionGeometry geometry = op is Attention attention ? attention.Geometry : ((CausalMask)op).Geometry;
            Value pattern = new GraphBuilder(graph).State(PatternName(layer++), new Shape(AttentionPatternBuffer.Length(geometry.Heads)), DataType.Int32);
            rewriter.Replace(node, builder =>
            {
                IReadOnlyList<Value> outputs = builder.Apply(op, [.. node.Inputs.Select(rewriter.Current), pattern]);
                for (int i = 0; i < node.Outputs.Count; i++) rewriter.Substitute(node.Outputs[i], outputs[i]);
            });
        }

        rewriter.Apply();
    }

    /// <summary>Lets the host read what share of its pairs each attention computed: one read for all of them and for all micro-batches.</summary>
    /// <param name="builder">Of the graph, forward only.</param>
    /// <param name="accumulate">Whether shares are added to those of the micro-batches before.</param>
    public static void AddShares(GraphBuilder builder, bool accumulate)
    {
        Value[] shares = [.. builder.Graph.Nodes.Where(node => node.Op is Attention { HasPattern: true }).Select(node => node.Outputs[2])];
        if (shares.Length == 0) return;
        Value all = builder.Concat(0, shares);
        builder.Graph.AddOutput(Live, accumulate ? builder.Add(builder.State(Live, all.Shape), all) : all);
    }

    static Op? WithPattern(Op op) => op switch
    {
        Attention attention => attention with { HasPattern = true },
        CausalMask mask => mask with { HasPattern = true },
        _ => null,
    };
}
