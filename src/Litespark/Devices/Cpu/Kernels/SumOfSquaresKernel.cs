namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// y[0] = Σ x[i]², through fp64 partial sums; with accumulate, y[0] += that. One call per parameter gives the squared norm
/// of the whole gradient.
/// </summary>
internal sealed unsafe class SumOfSquaresKernel(WorkerPool pool, float* x, long count, float* y, bool accumulate)
    : BlockSum<SquareTerm>(pool, x, count)
{
    public override void Run(WorkerPool pool)
    {
        base.Run(pool);
        *y = (float)(Total + (accumulate ? *y : 0));
    }
}
