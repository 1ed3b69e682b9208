using BenchmarkDotNet.Attributes;
using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Kernels;

/// <summary>Rotary position embedding and its gradient.</summary>
public class RopeBenchmarks : KernelBenchmarks
{
    BoundOp rope = null!, ropeGradient = null!;

    /// <inheritdoc/>
    protected override void Bind()
    {
        rope = Of("rope", Tokens);
        ropeGradient = Of("rope_gradient", Tokens);
    }

    [Benchmark]
    public void Rope() => rope.Run();

    [Benchmark]
    public void Rope_gradient() => ropeGradient.Run();
}
