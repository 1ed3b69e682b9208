namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Positions of new tokens in a key/value cache.</summary>
internal static unsafe class CachePositions
{
    /// <summary>The largest of the positions.</summary>
    /// <exception cref="ArgumentOutOfRangeException">One is not in [0, capacity).</exception>
    public static int Last(int* positions, int count, int capacity)
    {
        int last = 0;
        for (int i = 0; i < count; i++)
        {
            if ((uint)positions[i] >= (uint)capacity)
            {
                throw new ArgumentOutOfRangeException(nameof(positions), positions[i],
                    $"Position of new token {i} is outside the cache of {capacity} rows.");
            }
            last = Math.Max(last, positions[i]);
        }
        return last;
    }
}
