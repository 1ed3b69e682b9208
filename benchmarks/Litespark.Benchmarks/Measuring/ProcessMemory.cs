using System.Diagnostics;
using System.Globalization;

namespace Litespark.Benchmarks.Measuring;

/// <summary>The most memory that this process has ever held.</summary>
internal static class ProcessMemory
{
    /// <summary>Peak resident bytes: the kernel's high-water mark where it tells one.</summary>
    public static long PeakResidentBytes
    {
        get
        {
            const string Status = "/proc/self/status";
            return (File.Exists(Status) ? ParseHighWater(File.ReadLines(Status)) : null) ?? Process.GetCurrentProcess().PeakWorkingSet64;
        }
    }

    /// <summary>VmHWM of a Linux process's status, in bytes; null where the line is missing.</summary>
    public static long? ParseHighWater(IEnumerable<string> status)
    {
        const string Key = "VmHWM:", Unit = "kB";
        string? line = status.FirstOrDefault(line => line.StartsWith(Key, StringComparison.Ordinal));
        string[]? parts = line?[Key.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return parts is [var number, Unit] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kilobytes) ? kilobytes * 1024 : null;
    }
}
