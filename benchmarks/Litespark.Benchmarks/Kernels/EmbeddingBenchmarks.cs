using BenchmarkDotNet.Attributes;
using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Kernels;

/// <summary>Looking tokens up, and adding their gradients up.</summary>
public class EmbeddingBenchmarks : KernelBenchmarks
{
    BoundOp embedding = null!, embeddingGradient = null!;

    /// <inheritdoc/>
    protected override void Bind()
    {
        embedding = Of("embedding", Tokens);
        embeddingGradient = Of("embedding_gradient", Tokens);
    }

    [Benchmark]
    public void Embedding() => embedding.Run();

    [Benchmark]
    public void Embedding_gradient() => embeddingGradient.Run();
}
