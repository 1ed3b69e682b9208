using Litespark.Devices.Cpu;
using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Benchmarks.Measuring;

/// <summary>One attention by our fused kernels and, where OpenBLAS is here, by whole matrices, on the same operands.</summary>
internal sealed unsafe class AttentionPair : IDisposable
{
    readonly BoundOp forward, gradient;
    readonly MaterialisedAttention? materialised;

    /// <param name="pool">Who runs them.</param>
    /// <param name="geometry">Sizes.</param>
    /// <param name="blas">For the other way, by whole matrices; null: ours alone.</param>
    /// <param name="pattern">Of all heads; null: ops without patterns.</param>
    public AttentionPair(WorkerPool pool, AttentionGeometry geometry, OpenBlas? blas, AttentionPattern? pattern = null)
    {
        float scale = 1 / MathF.Sqrt(geometry.HeadDim);
        TensorType wide = new(new Shape(geometry.Tokens, geometry.Heads * geometry.HeadDim)), narrow = new(new Shape(geometry.Tokens, geometry.KeyValueHeads * geometry.HeadDim));
        var starts = new TensorType(new Shape(geometry.Tokens), DataType.Int32);
        var statistics = new TensorType(new Shape(geometry.Sequences, geometry.Heads, geometry.SequenceLength));
        TensorType[] last = pattern is null ? [] : [new TensorType(new Shape(AttentionPatternBuffer.Length(geometry.Heads)), DataType.Int32)];
        forward = BoundOp.Create(pool, new Attention(geometry, 0, scale) { HasPattern = pattern is not null }, [wide, narrow, narrow, starts, .. last]);
        gradient = BoundOp.Create(pool, new AttentionGradient(geometry, 0, scale) { HasPattern = pattern is not null }, [wide, narrow, narrow, wide, statistics, starts, wide, .. last]);
        if (pattern is { } same)
        {
            AttentionPattern[] heads = [.. Enumerable.Repeat(same, geometry.Heads)];
            AttentionPatternBuffer.Write(heads, 0, forward.Integers(4));
            AttentionPatternBuffer.Write(heads, 0, gradient.Integers(7));
        }

        forward.Run();
        for (int i = 0; i < 3; i++) forward.Input(i).CopyTo(gradient.Input(i));
        for (int i = 0; i < 2; i++) forward.Output(i).CopyTo(gradient.Input(3 + i));
        if (blas is null) return;
        materialised = new MaterialisedAttention(pool, blas, geometry, scale, gradient.InputAddress(0), gradient.InputAddress(1), gradient.InputAddress(2), gradient.InputAddress(6));
        materialised.Forward();
        materialised.Keep();
    }

    /// <summary>Share of the causal pairs that a pattern leaves.</summary>
    public double Share => forward.OutputCount > 2 ? forward.Output(2)[0] : 1;

    public double ForwardFlops => forward.Flops;

    public double BackwardFlops => gradient.Flops;

    public Contender[] Forward => materialised is null ? [new("ours", forward.Run)] : [new("ours", forward.Run), new("materialised", materialised.Forward)];

    public Contender[] Backward => materialised is null ? [new("ours", gradient.Run)] : [new("ours", gradient.Run), new("materialised", materialised.Backward)];

    /// <summary>Largest difference of the two ways' results; 0 where there is one way only.</summary>
    public double Error()
    {
        if (materialised is null) return 0;
        gradient.Run();
        materialised.Backward();
        double error = Difference(forward.Output(0), materialised.O);
        nint[] gradients = [materialised.DQ, materialised.DK, materialised.DV];
        for (int i = 0; i < gradients.Length; i++) error = Math.Max(error, Difference(gradient.Output(i), gradients[i]));
        return error;
    }

    public void Dispose()
    {
        forward.Dispose();
        gradient.Dispose();
        materialised?.Dispose();
    }

    static double Difference(Span<float> ours, nint theirs) => Statistics.RelativeError(ours, new ReadOnlySpan<float>((void*)theirs, ours.Length));
}
