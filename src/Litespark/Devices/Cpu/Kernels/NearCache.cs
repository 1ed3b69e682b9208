namespace Litespark.Devices.Cpu.Kernels;

/// <summary>The first cache, as small as any that is common: 32 KiB, in which lines that lie 4 KiB apart share a place for eight.</summary>
internal static class NearCache
{
    const int Sets = 64, Ways = 8;

    /// <summary>Whether so many rows, of each of which one line is read, drive each other out where they are so many floats apart.</summary>
    public static bool Collide(int stride, int rows) => CacheSets.Collide(stride, rows, Sets, Ways);
}

/// <summary>The second cache, as small as any that is common: 512 KiB, in which lines that lie 64 KiB apart share a place for eight.</summary>
internal static class SecondCache
{
    const int Sets = 1024, Ways = 8;

    /// <summary>As <see cref="NearCache.Collide"/>.</summary>
    public static bool Collide(int stride, int rows) => CacheSets.Collide(stride, rows, Sets, Ways);
}

/// <summary>Where the lines of a cache go: address by address to the next of its sets, each of which holds as many lines as it has ways.</summary>
internal static class CacheSets
{
    const int CacheLine = 16;

    /// <summary>Whether one line of each of so many rows, so many floats apart, is more than its sets hold.</summary>
    public static bool Collide(int stride, int rows, int sets, int ways)
    {
        if (stride % CacheLine != 0) return false;
        int lines = stride / CacheLine;
        while (lines % 2 == 0 && sets > 1) (lines, sets) = (lines / 2, sets / 2);
        return rows > sets * ways;
    }
}
