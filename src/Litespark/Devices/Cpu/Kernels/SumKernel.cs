namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y[0] = Σ x[i], through fp64 partial sums.</summary>
internal sealed unsafe class SumKernel(WorkerPool pool, float* x, long count, float* y) : CpuKernel
{
    /// <summary>The parallel stage.</summary>
    public BlockSum<PlainTerm> Sum { get; } = new(pool, x, count);

    public override void Run(WorkerPool pool)
    {
        Sum.Run(pool);
        *y = (float)Sum.Total;
    }

    public override void Dispose()
    {
        Sum.Dispose();
        base.Dispose();
    }
}
