using System.Globalization;

namespace Litespark;

/// <summary>How much memory there is for this process.</summary>
internal static class MachineMemory
{
    /// <summary>Bytes that the process may use at most: the container's limit where there is one, else the machine's memory.</summary>
    /// <remarks>The runtime's own figure is asked last: in a container it is three quarters of the limit, the share meant for managed memory.</remarks>
    public static long ProcessLimit
    {
        get
        {
            long limit = Math.Min(CgroupMemory.Limit() ?? long.MaxValue, Total ?? long.MaxValue);
            return limit < long.MaxValue ? limit : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        }
    }

    /// <summary>The machine's memory in bytes; null where it is not told.</summary>
    public static long? Total => Meminfo("MemTotal");

    /// <summary>Bytes that the system could give now; null where it is not told.</summary>
    public static long? Free => Meminfo("MemAvailable");

    /// <summary>Bytes that a program could be given now.</summary>
    public static long Available => Math.Min(Free ?? long.MaxValue, ProcessLimit);

    /// <summary>Bytes that a program cannot get more of even if all swap space is used; null where the system does not tell.</summary>
    public static long? Ceiling => Free is null ? null : Available + (Meminfo("SwapFree") ?? 0);

    static long? Meminfo(string key)
    {
        const string Path = "/proc/meminfo";
        if (!File.Exists(Path)) return null;
        string? line = File.ReadLines(Path).FirstOrDefault(line => line.StartsWith(key + ":", StringComparison.Ordinal));
        string? number = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries).ElementAtOrDefault(1);
        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kilobytes) ? kilobytes * 1024 : null;
    }
}
