using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>The arithmetic of <see cref="AdamWKernel"/>, its constants in registers.</summary>
internal readonly unsafe struct AdamWUpdate<T> where T : struct, ISimd<T>
{
    readonly T decay, step, correction, epsilon, gain1, beta2, gain2, clip;

    /// <summary>The constants of a step; schedule and clipFactor as the kernel has them.</summary>
    public AdamWUpdate(AdamWSettings settings, float* schedule, float* clipFactor)
    {
        double rate = schedule[0];
        (decay, step) = (T.Broadcast((float)(1 - rate * settings.WeightDecay)), T.Broadcast((float)(-rate / schedule[1])));
        (correction, epsilon) = (T.Broadcast((float)(1 / Math.Sqrt(schedule[2]))), T.Broadcast((float)settings.Epsilon));
        (gain1, beta2) = (T.Broadcast((float)(1 - settings.Beta1)), T.Broadcast((float)settings.Beta2));
        (gain2, clip) = (T.Broadcast((float)(1 - settings.Beta2)), T.Broadcast(clipFactor == null ? 1 : *clipFactor));
    }

    /// <summary>Updates so many neighbouring weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply(float* weights, float* gradients, float* first, float* second, int length)
    {
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
