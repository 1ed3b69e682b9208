namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The factor that limits the gradient's global norm, as PyTorch's <c>clip_grad_norm_</c>: norm[0] = √sumOfSquares[0],
/// factor[0] = min(1, maxNorm / (norm + 1e-6)); 1 where maxNorm ≤ 0.
/// </summary>
internal sealed unsafe class ClipFactorKernel : CpuKernel
{
    readonly float* sumOfSquares, norm, factor;
    readonly float maxNorm;

    public ClipFactorKernel(WorkerPool pool, float* sumOfSquares, float maxNorm, float* norm, float* factor)
    {
        ArgumentNullException.ThrowIfNull(pool);
        this.sumOfSquares = sumOfSquares;
        this.maxNorm = maxNorm;
        this.norm = norm;
        this.factor = factor;
    }

    public override void Run(WorkerPool pool)
    {
        float root = MathF.Sqrt(*sumOfSquares);
        *norm = root;
        *factor = maxNorm > 0 ? MathF.Min(1, maxNorm / (root + 1e-6f)) : 1;
    }
}
