namespace Litespark.Devices.Cpu.Kernels;

/// <summary>The first cache, as small as any that is common: 32 KiB, in which lines that lie 4 KiB apart share a place for eight.</summary>
internal static class NearCache
{
    const int CacheLine = 16, Sets = 64, Ways = 8;

    /// <summary>Whether so many rows, of each of which one line is read, drive each other out where they are so many floats apart.</summary>
    public static bool Collide(int stride, int rows)
    {
        if (stride % CacheLine != 0) return false;
        int lines = stride / CacheLine, sets = Sets;
        while (lines % 2 == 0 && sets > 1) (lines, sets) = (lines / 2, sets / 2);
        return rows > sets * Ways;
    }
}
