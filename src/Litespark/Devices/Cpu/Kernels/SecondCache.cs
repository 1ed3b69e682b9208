namespace Litespark.Devices.Cpu.Kernels;

/// <summary>The second cache, as small as any that is common: 512 KiB, in which lines that lie 64 KiB apart share a place for eight.</summary>
internal static class SecondCache
{
    const int Sets = 1024, Ways = 8;

    /// <summary>As <see cref="NearCache.Collide"/>.</summary>
    public static bool Collide(int stride, int rows) => CacheSets.Collide(stride, rows, Sets, Ways);
}
