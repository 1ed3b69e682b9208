namespace Litespark.Devices.Cpu.Kernels;

/// <summary>w ← w (1 − η λ) − η · factor · update, with η = learningRate[0] and the decoupled weight decay λ.</summary>
internal sealed unsafe class ScaledUpdateKernel(
    WorkerPool pool, float* weight, float* update, long count, float factor, float weightDecay, float* learningRate)
    : SimdKernel(pool, new Blocks(count).Count)
{
    readonly Blocks blocks = new(count);

    protected override void RunTask<T>(int task, int worker)
    {
        double rate = *learningRate;
        T decay = T.Broadcast((float)(1 - rate * weightDecay)), step = T.Broadcast((float)(-rate * factor));
        long start = Blocks.Start(task);
        float* weights = weight + start, updates = update + start;
        int length = blocks.Length(task);
        for (int i = 0; i < length; i += T.Count)
        {
            int rest = length - i;
            Lanes.Store(T.MultiplyAdd(step, Lanes.Load<T>(updates + i, rest), decay * Lanes.Load<T>(weights + i, rest)), weights + i, rest);
        }
    }
}
