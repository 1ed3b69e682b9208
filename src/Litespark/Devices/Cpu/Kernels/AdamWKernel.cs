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
        double rate = schedule[0];
        T decay = T.Broadcast((float)(1 - rate * settings.WeightDecay)), step = T.Broadcast((float)(-rate / schedule[1]));
        T correction = T.Broadcast((float)(1 / Math.Sqrt(schedule[2]))), epsilon = T.Broadcast((float)settings.Epsilon);
        T gain1 = T.Broadcast((float)(1 - settings.Beta1)), beta2 = T.Broadcast((float)settings.Beta2);
        T gain2 = T.Broadcast((float)(1 - settings.Beta2)), clip = T.Broadcast(clipFactor == null ? 1 : *clipFactor);

        long start = Blocks.Start(task);
        float* weights = weight + start, gradients = gradient + start, first = m + start, second = v + start;
        int length = blocks.Length(task);
        for (int i = 0; i < length; i += T.Count)
        {
            int rest = length - i;
            T g = clip * Lanes.Load<T>(gradients + i, rest);
            T mean = Lanes.Load<T>(first + i, rest);
            mean = T.MultiplyAdd(g - mean, gain1, mean);
            T square = T.MultiplyAdd(gain2 * g, g, beta2 * Lanes.Load<T>(second + i, rest));
            T denominator = T.MultiplyAdd(T.Sqrt(square), correction, epsilon);
            T updated = T.MultiplyAdd(step, mean / denominator, decay * Lanes.Load<T>(weights + i, rest));
            Lanes.Store(mean, first + i, rest);
            Lanes.Store(square, second + i, rest);
            Lanes.Store(updated, weights + i, rest);
        }
    }
}
