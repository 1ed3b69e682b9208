using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>Causal attention, or its gradient, over rows that are whole sequences, in bf16: all that a plan depends on.</summary>
/// <param name="Geometry">Sizes.</param>
/// <param name="Scale">Factor of the scores.</param>
/// <param name="Strides">Elements from row to row of q, k, v and o.</param>
/// <param name="GradientStrides">The same of dO, dQ, dK and dV; null for attention itself.</param>
internal sealed record AttentionProblem(AttentionGeometry Geometry, float Scale, AttentionStrides Strides, AttentionStrides? GradientStrides = null)
{
    // cudnnGetVersion's numbers.
    const int Version9_8 = 90800, Version9_9 = 90900, Version9_10 = 91000, Version9_10_1 = 91001, Version9_15 = 91500;

    /// <summary>Whether it is the gradient.</summary>
    public bool IsGradient => GradientStrides is not null;

    /// <summary>Bytes and element types of the operands, in the order of the problem's graph: q, k, v, o, statistics, and for the gradient dO, dQ, dK, dV.</summary>
    public IReadOnlyList<(long Bytes, DataType Type)> Operands
    {
        get
        {
            AttentionGeometry g = Geometry;
            (long, DataType) Rows(int heads, long stride) => (((g.Tokens - 1) * stride + heads * g.HeadDim) * DataType.BFloat16.Size(), DataType.BFloat16);
            (long, DataType)[] operands =
            [
                Rows(g.Heads, Strides.Queries), Rows(g.KeyValueHeads, Strides.Keys), Rows(g.KeyValueHeads, Strides.Values), Rows(g.Heads, Strides.Outputs),
                ((long)g.Tokens * g.Heads * DataType.Float32.Size(), DataType.Float32),
            ];
            return GradientStrides is not { } of ? operands
                : [.. operands, Rows(g.Heads, of.Outputs), Rows(g.Heads, of.Queries), Rows(g.KeyValueHeads, of.Keys), Rows(g.KeyValueHeads, of.Values)];
        }
    }

    /// <summary>All that it is, in words.</summary>
    public string Key => $"{this}, strides {Strides}{(GradientStrides is { } gradient ? $", of gradients {gradient}" : "")}, scale {Scale:r}";

    /// <summary>
    /// Why cuDNN is not even asked; null where it is. NVIDIA's frontend refuses these (sdpa_support_surface.h of cudnn-frontend 1.23),
    /// for errors of certain versions too, so that a plan that can be made might still be wrong.
    /// </summary>
    /// <param name="version">cudnnGetVersion.</param>
    /// <param name="capability">The GPU's compute capability, major.</param>
    public string? Refusal(int version, int capability)
    {
        int tokens = Geometry.SequenceLength, width = Geometry.HeadDim;
        if (capability < 8) return "it needs compute capability 8.0 or later";
        if (version is Version9_10 or Version9_10_1) return "cuDNN 9.10.0 and 9.10.1 compute attention wrongly; 9.10.2 is right";
        if (width % 8 != 0) return $"heads of {width} columns are no multiple of 8";
        if (width > Widest(version, capability)) return $"heads of {width} columns are wider than {Widest(version, capability)}";
        if (tokens == 1 && (IsGradient || version <= Version9_9)) return "sequences of one token";
        if (!IsGradient) return null;
        // With T × T probabilities in scratch memory sums have a fixed order; that this graph does it is known of these GPUs alone.
        if (capability > 9) return $"no gradient with the same bits each time is known for compute capability {capability}";
        return version <= Version9_15 && tokens % 128 != 0 ? $"before 9.15.1 its gradient wants sequences of whole 128 tokens, not {tokens}" : null;
    }

    /// <inheritdoc/>
    public override string ToString() => $"attention{(IsGradient ? "'s gradient" : "")}, {Geometry.Sequences} × {Geometry.SequenceLength} tokens, {Geometry.Heads}/{Geometry.KeyValueHeads} heads of {Geometry.HeadDim}";

    int Widest(int version, int capability) => (IsGradient, capability) switch
    {
        (true, 9) => 256,
        (true, _) => 128,
        (false, 8) when version <= Version9_9 => 128,
        (false, > 9) when version <= Version9_8 => 128,
        _ => 256,
    };
}

/// <summary>Elements from row to row of queries, keys, values and outputs, or of their gradients.</summary>
internal readonly record struct AttentionStrides(long Queries, long Keys, long Values, long Outputs)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Queries} {Keys} {Values} {Outputs}";
}
