namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// One AdamW update (Loshchilov and Hutter, 2019; as PyTorch's) in one pass over memory, with g = clipFactor[0] · gradient (null: 1):
/// w ← w (1 − η λ); m ← m + (1 − β₁)(g − m); v ← β₂ v + (1 − β₂) g²; w ← w − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
/// schedule: [0] the learning rate η, [1] 1 − β₁ᵗ, [2] 1 − β₂ᵗ.
/// </summary>
internal sealed unsafe class AdamWKernel(
    WorkerPool pool, float* weight, float* gradient, float* m, float* v, long count, AdamWSettings settings, float* schedule,
    float* clipFactor)
    : SimdKernel(pool, new Blocks(count).Count)
{
    readonly Blocks blocks = new(count);

    protected override void RunTask<T>(int task, int worker)
    {
        long start = Blocks.Start(task);
        new AdamWUpdate<T>(settings, schedule, clipFactor).Apply(weight + start, gradient + start, m + start, v + start, blocks.Length(task));
    }
}
