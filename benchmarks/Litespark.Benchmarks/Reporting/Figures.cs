namespace Litespark.Benchmarks.Reporting;

/// <summary>Figures as people read them.</summary>
internal static class Figures
{
    /// <summary>FLOP/s as GFLOP/s.</summary>
    public static string Gflops(double flopsPerSecond) => $"{flopsPerSecond / 1e9:F1}";

    /// <summary>Bytes per second as GB/s.</summary>
    public static string Gigabytes(double bytesPerSecond) => $"{bytesPerSecond / 1e9:F1}";

    /// <summary>41.2 %.</summary>
    public static string Percent(double share) => $"{share * 100:F1} %";

    /// <summary>1.03×.</summary>
    public static string Times(double ratio) => $"{ratio:F3}×";

    /// <summary>Whole MiB.</summary>
    public static string Bytes(long bytes) => $"{bytes / 1048576.0:N0} MiB";

    /// <summary>A figure for a raw line: six digits say more than any timing holds.</summary>
    public static double Raw(double value) => value == 0 || !double.IsFinite(value) ? 0 : Math.Round(value, (int)Math.Clamp(5 - Math.Floor(Math.Log10(Math.Abs(value))), 0, 15));
}
