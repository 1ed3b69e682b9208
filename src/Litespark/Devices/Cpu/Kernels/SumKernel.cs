namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y[0] = Σ x[i], through fp64 partial sums.</summary>
internal sealed unsafe class SumKernel(WorkerPool pool, float* x, long count, float* y) : BlockSum<PlainTerm>(pool, x, count)
{
    public override void Run(WorkerPool pool)
    {
        base.Run(pool);
        *y = (float)Total;
    }
}
