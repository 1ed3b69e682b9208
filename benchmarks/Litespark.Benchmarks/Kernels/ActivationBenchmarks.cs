using BenchmarkDotNet.Attributes;
using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Kernels;

/// <summary>Activations, gated ones, and their gradients.</summary>
public class ActivationBenchmarks : KernelBenchmarks
{
    BoundOp gatedActivation = null!, gatedActivationGradient = null!, gelu = null!, geluGradient = null!, add = null!;

    /// <inheritdoc/>
    protected override void Bind()
    {
        gatedActivation = Of("gated_activation", Tokens);
        gatedActivationGradient = Of("gated_activation_gradient", Tokens);
        gelu = Of("gelu", Tokens);
        geluGradient = Of("gelu_gradient", Tokens);
        add = Of("add", Tokens);
    }

    [Benchmark]
    public void Gated_activation() => gatedActivation.Run();

    [Benchmark]
    public void Gated_activation_gradient() => gatedActivationGradient.Run();

    [Benchmark]
    public void Gelu() => gelu.Run();

    [Benchmark]
    public void Gelu_gradient() => geluGradient.Run();

    [Benchmark]
    public void Add() => add.Run();
}
