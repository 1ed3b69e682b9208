namespace Litespark.Devices.Cpu.Kernels;

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
