using BenchmarkDotNet.Attributes;
using Litespark.Benchmarks.Measuring;
using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Benchmarks.Kernels;

/// <summary>Fused attention, and the kernels of the materialised form.</summary>
public class AttentionBenchmarks : KernelBenchmarks
{
    BoundOp forward = null!, gradient = null!, scores = null!, scaled = null!, mask = null!, softmax = null!, softmaxGradient = null!, mix = null!, mixTransposed = null!;

    /// <inheritdoc/>
    protected override void Bind()
    {
        Models.TransformerSpec spec = Shape.Spec;
        var g = new AttentionGeometry(Shape.MicroBatch, Shape.SequenceLength, spec.NumAttentionHeads, spec.NumKeyValueHeads, spec.HeadDim);
        float scale = 1 / MathF.Sqrt(spec.HeadDim);
        TensorType wide = new(new Shape(g.Tokens, g.Heads * g.HeadDim)), narrow = new(new Shape(g.Tokens, g.KeyValueHeads * g.HeadDim));
        TensorType square = new(new Shape(g.Sequences, g.Heads, g.SequenceLength, g.SequenceLength)), statistics = new(new Shape(g.Sequences, g.Heads, g.SequenceLength));
        var starts = new TensorType(new Shape(g.Tokens), DataType.Int32);
        forward = Of(new Attention(g, 0, scale), wide, narrow, narrow, starts);
        gradient = Of(new AttentionGradient(g, 0, scale), wide, narrow, narrow, wide, statistics, starts, wide);
        scores = Of(new HeadProduct(HeadProductKind.Scores, g, 1), wide, narrow);
        mix = Of(new HeadProduct(HeadProductKind.Mix, g, 1), square, narrow);
        mixTransposed = Of(new HeadProduct(HeadProductKind.MixTransposed, g, 1), square, wide);
        scaled = Of(new Graphs.Ops.Scale(scale), square);
        mask = Of(new CausalMask(g, 0), square, starts);
        softmax = Of(new Graphs.Ops.Softmax(), square);
        softmaxGradient = Of(new SoftmaxGradient(), square, square);
    }

    [Benchmark]
    public void Fused_forward() => forward.Run();

    [Benchmark]
    public void Fused_gradient() => gradient.Run();

    [Benchmark]
    public void Scores() => scores.Run();

    [Benchmark]
    public void Scale() => scaled.Run();

    [Benchmark]
    public void Causal_mask() => mask.Run();

    [Benchmark]
    public void Softmax() => softmax.Run();

    [Benchmark]
    public void Softmax_gradient() => softmaxGradient.Run();

    [Benchmark]
    public void Mix() => mix.Run();

    [Benchmark]
    public void Mix_transposed() => mixTransposed.Run();
}
