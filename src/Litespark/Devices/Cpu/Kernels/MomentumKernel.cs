namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Muon's momentum (Jordan et al., 2024), with g = clipFactor[0] · gradient (null: 1): momentum ← β · momentum + g;
/// update = g + β · momentum with Nesterov's look-ahead, else the momentum. update may be the gradient.
/// </summary>
internal sealed unsafe class MomentumKernel(
    WorkerPool pool, float* gradient, float* momentum, long count, float beta, bool nesterov, float* clipFactor, float* update)
    : SimdKernel(pool, new Blocks(count).Count)
{
    readonly Blocks blocks = new(count);

    protected override void RunTask<T>(int task, int worker)
    {
        T clip = T.Broadcast(clipFactor == null ? 1 : *clipFactor), decay = T.Broadcast(beta);
        long start = Blocks.Start(task);
        float* gradients = gradient + start, average = momentum + start, output = update + start;
        int length = blocks.Length(task);
        for (int i = 0; i < length; i += T.Count)
        {
            int rest = length - i;
            T g = clip * Lanes.Load<T>(gradients + i, rest);
            T moved = T.MultiplyAdd(decay, Lanes.Load<T>(average + i, rest), g);
            Lanes.Store(moved, average + i, rest);
            Lanes.Store(nesterov ? T.MultiplyAdd(decay, moved, g) : moved, output + i, rest);
        }
    }
}
