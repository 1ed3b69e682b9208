using BenchmarkDotNet.Attributes;
using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Kernels;

/// <summary>What an update runs.</summary>
public class OptimizerBenchmarks : KernelBenchmarks
{
    BoundOp adamw = null!, sumOfSquares = null!, momentum = null!, scaledUpdate = null!, copy = null!;

    /// <summary>The size of the gate and up weights, in thousands.</summary>
    static int Rows => Math.Max(1, (int)(2L * Inner * Hidden / MemoryCases.ParameterRow));

    /// <inheritdoc/>
    protected override void Bind()
    {
        adamw = Of("adamw", Rows);
        sumOfSquares = Of("sum_of_squares", Rows);
        momentum = Of("momentum", Rows);
        scaledUpdate = Of("scaled_update", Rows);
        copy = Of("copy", Rows);
    }

    [Benchmark]
    public void Adamw() => adamw.Run();

    [Benchmark]
    public void Sum_of_squares() => sumOfSquares.Run();

    [Benchmark]
    public void Momentum() => momentum.Run();

    [Benchmark]
    public void Scaled_update() => scaledUpdate.Run();

    [Benchmark]
    public void Copy() => copy.Run();
}
