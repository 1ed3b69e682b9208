namespace Litespark.Cli.Progress;

/// <summary>Figures as people read them, three significant digits where there is a prefix.</summary>
internal static class Units
{
    static readonly string[] DecimalPrefixes = ["", "k", "M", "G", "T", "P"];
    static readonly string[] BinaryPrefixes = ["", "Ki", "Mi", "Gi", "Ti"];

    /// <summary>Things counted: 850, 12.3k, 1.24M.</summary>
    public static string Count(double value) => Scaled(value, 1000, DecimalPrefixes, "");

    /// <summary>312 MiB, 1.50 GiB.</summary>
    public static string Bytes(long bytes) => Scaled(bytes, 1024, BinaryPrefixes, " ") + "B";

    /// <summary>41.2 %.</summary>
    public static string Percent(double share) => $"{share * 100:F1} %";

    /// <summary>2:05, 1:02:05, 3d 4:05:06.</summary>
    public static string Time(TimeSpan time) => time switch
    {
        { TotalHours: < 1 } => $"{time.Minutes}:{time.Seconds:D2}",
        { TotalDays: < 1 } => $"{time.Hours}:{time.Minutes:D2}:{time.Seconds:D2}",
        _ => $"{time.Days}d {time.Hours}:{time.Minutes:D2}:{time.Seconds:D2}",
    };

    /// <summary>Joules with their source; an estimate carries a tilde.</summary>
    public static string Joules(double joules, string? source) =>
        $"{Tilde(source)}{Scaled(joules, 1000, DecimalPrefixes, " ")}J{(source is null ? "" : $" ({source})")}";

    /// <summary>0.156 g, 1.24 kg, 66.3 t of CO₂ equivalent; an estimate carries a tilde.</summary>
    public static string Carbon(double grams, string? source) => $"{Tilde(source)}{grams switch
    {
        >= 1e6 => $"{grams / 1e6:G3} t",
        >= 1e3 => $"{grams / 1e3:G3} kg",
        _ => $"{Small(grams)} g",
    }} CO2e";

    /// <summary>Money in whatever currency the price was stated; an estimate carries a tilde.</summary>
    public static string Cost(double cost, string? source) => $"{Tilde(source)}{(cost >= 100 ? $"{cost:N0}" : Small(cost))}";

    /// <summary>The mark of an estimate.</summary>
    public static string Tilde(string? source) => source == Energy.EnergySources.Estimate ? "~" : "";

    /// <summary>Three significant digits without an exponent: 0.000123, 0.15, 12.3.</summary>
    static string Small(double value)
    {
        int decimals = value > 0 ? Math.Clamp(2 - (int)Math.Floor(Math.Log10(value)), 0, 15) : 0;
        return value.ToString("0." + new string('#', decimals));
    }

    static string Scaled(double value, double step, string[] prefixes, string gap)
    {
        int prefix = 0;
        // Compared as it will be printed, so that 999.6 becomes 1.00 k and not 1000.
        while (Math.Round(Math.Abs(value)) >= step && prefix < prefixes.Length - 1) (value, prefix) = (value / step, prefix + 1);
        string digits = Math.Abs(value) switch
        {
            _ when prefix == 0 && value == Math.Round(value) => $"{value:F0}",
            >= 99.95 => $"{value:F0}",
            >= 9.995 => $"{value:F1}",
            _ => $"{value:F2}",
        };
        return $"{digits}{gap}{prefixes[prefix]}";
    }
}
