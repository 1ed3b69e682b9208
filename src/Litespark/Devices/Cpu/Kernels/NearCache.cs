namespace Litespark.Devices.Cpu.Kernels;

/// <summary>The first cache, as small as any that is common: 32 KiB, in which lines that lie 4 KiB apart share a place for eight.</summary>
internal static class NearCache
{
    const int Sets = 64, Ways = 8;

    /// <summary>Whether so many rows, of each of which one line is read, drive each other out where they are so many floats apart.</summary>
    public static bool Collide(int stride, int rows) => CacheSets.Collide(stride, rows, Sets, Ways);
}
