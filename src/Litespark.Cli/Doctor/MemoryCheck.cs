using System.Globalization;

namespace Litespark.Cli.Doctor;

/// <summary>Memory of the machine, and the limit on this process.</summary>
internal sealed class MemoryCheck : IDoctorCheck
{
    const double Gib = 1L << 30;

    public IEnumerable<DoctorFinding> Run()
    {
        long limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes; // of the container where there is one, else the machine's
        long? total = Meminfo("MemTotal"), available = Meminfo("MemAvailable");
        string detail = total is { } all ? $"{all / Gib:F1} GiB" : $"{limit / Gib:F1} GiB";
        if (available is { } free) detail += $", {free / Gib:F1} GiB of it free";
        if (total > limit * 1.01) detail += $"; a cgroup limits this process to {limit / Gib:F1} GiB";
        bool enough = Math.Min(available ?? limit, limit) >= Gib;
        yield return new DoctorFinding("memory", enough, detail, enough ? null : "The default recipe wants about 1 GiB: close other programs, or lower training.micro_batch_size.");
    }

    static long? Meminfo(string key)
    {
        if (!File.Exists("/proc/meminfo")) return null;
        string? line = File.ReadLines("/proc/meminfo").FirstOrDefault(line => line.StartsWith(key + ":", StringComparison.Ordinal));
        string? number = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries).ElementAtOrDefault(1);
        return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kilobytes) ? kilobytes * 1024 : null;
    }
}
