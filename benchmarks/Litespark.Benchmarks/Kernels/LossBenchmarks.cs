using BenchmarkDotNet.Attributes;
using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Kernels;

/// <summary>Cross-entropy alone and with its gradient.</summary>
public class LossBenchmarks : KernelBenchmarks
{
    BoundOp crossEntropy = null!, crossEntropyWithGradient = null!;

    /// <inheritdoc/>
    protected override void Bind()
    {
        crossEntropy = Of("cross_entropy", Tokens);
        crossEntropyWithGradient = Of("cross_entropy_with_gradient", Tokens);
    }

    [Benchmark]
    public void Cross_entropy() => crossEntropy.Run();

    [Benchmark]
    public void Cross_entropy_with_gradient() => crossEntropyWithGradient.Run();
}
