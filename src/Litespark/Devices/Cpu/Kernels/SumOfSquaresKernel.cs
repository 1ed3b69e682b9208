namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y[0] = Σ x[i]², through fp64 partial sums; with accumulate, y[0] += that. One call per parameter gives the gradient's squared norm.</summary>
internal sealed unsafe class SumOfSquaresKernel(WorkerPool pool, float* x, long count, float* y, bool accumulate) : CpuKernel
{
    /// <summary>The parallel stage.</summary>
    public BlockSum<SquareTerm> Sum { get; } = new(pool, x, count);

    public override void Run(WorkerPool pool)
    {
        Sum.Run(pool);
        *y = (float)(Sum.Total + (accumulate ? *y : 0));
    }

    public override void Dispose()
    {
        Sum.Dispose();
        base.Dispose();
    }
}
