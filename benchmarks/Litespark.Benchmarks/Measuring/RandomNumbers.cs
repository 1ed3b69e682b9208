using System.Runtime.CompilerServices;

namespace Litespark.Benchmarks.Measuring;

/// <summary>Operands of benchmarks: of the size of activations, never denormal.</summary>
internal static unsafe class RandomNumbers
{
    /// <summary>Uniform in [-1, 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Fill(Random random, float* target, long count)
    {
        uint state = (uint)random.Next() | 1;
        for (long i = 0; i < count; i++)
        {
            // Marsaglia's xorshift: fast enough for gigabytes.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            target[i] = (int)state * (1f / (1u << 31));
        }
    }
}
