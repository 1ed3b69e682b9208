namespace Litespark.Energy.Profiles;

/// <summary>How long and how steadily a kernel is measured.</summary>
public sealed record ProfilerSettings
{
    /// <summary>Length of one window.</summary>
    public required TimeSpan Window { get; init; }

    /// <summary>What runs before the first window, so that clocks and temperature settle.</summary>
    public required TimeSpan WarmUp { get; init; }

    /// <summary>Windows in a row that must agree.</summary>
    public int Windows { get; init; } = 3;

    /// <summary>Most windows that are tried.</summary>
    public int MostWindows { get; init; } = 10;

    /// <summary>What they may differ by: largest less smallest, over the mean.</summary>
    public double Tolerance { get; init; } = 0.03;

    /// <summary>Windows of a length, and as long a warm-up: a chip's temperature takes tens of seconds, and power follows it by a few per cent.</summary>
    public static ProfilerSettings Of(TimeSpan window) => new() { Window = window, WarmUp = window };

    /// <summary>What suits a meter: windows that it can measure, or short ones where only time is measured.</summary>
    public static ProfilerSettings For(IEnergyMeter meter)
    {
        ArgumentNullException.ThrowIfNull(meter);
        double seconds = meter.IsEstimate ? 0.1 : Math.Max(0.25, meter.ShortestWindow.TotalSeconds);
        return Of(TimeSpan.FromSeconds(seconds));
    }
}
