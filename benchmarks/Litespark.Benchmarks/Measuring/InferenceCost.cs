using Litespark.Devices.Cpu.Kernels;
using Litespark.Models;

namespace Litespark.Benchmarks.Measuring;

/// <summary>What generating text must compute and read.</summary>
internal static class InferenceCost
{
    /// <summary>
    /// FLOPs that a prompt needs: every matrix of the layers for every token, the head for the last one, attention over the causal area.
    /// </summary>
    public static double PrefillFlops(TransformerSpec spec, int tokens)
    {
        double matrices = MatrixWeights(spec), head = (double)spec.VocabSize * spec.HiddenSize;
        double attention = 4.0 * spec.NumHiddenLayers * spec.NumAttentionHeads * spec.HeadDim * AttentionShape.LivePairs(tokens);
        return 2 * matrices * tokens + 2 * head + attention;
    }

    /// <summary>Bytes that a token reads at least: all matrices once (the head too; of the token table one row), and the keys and values of the context.</summary>
    public static double DecodeBytes(TransformerSpec spec, double context)
    {
        double weights = MatrixWeights(spec) + (double)spec.VocabSize * spec.HiddenSize + spec.HiddenSize;
        return sizeof(float) * (weights + CacheFloats(spec) * context);
    }

    /// <summary>Keys and values of one token.</summary>
    static double CacheFloats(TransformerSpec spec) => 2.0 * spec.NumHiddenLayers * spec.NumKeyValueHeads * spec.HeadDim;

    /// <summary>Elements of the layers' matrices.</summary>
    static double MatrixWeights(TransformerSpec spec)
    {
        double queries = spec.NumAttentionHeads * spec.HeadDim, keys = spec.NumKeyValueHeads * spec.HeadDim;
        return spec.NumHiddenLayers * spec.HiddenSize * (2 * queries + 2 * keys + 3.0 * spec.IntermediateSize);
    }
}
