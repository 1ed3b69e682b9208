namespace Litespark.Energy;

/// <summary>How to find the meter of this machine.</summary>
public sealed record EnergyMeterOptions
{
    /// <summary>A constant of <see cref="EnergySources"/> to insist on, or null for the best that can be read.</summary>
    public string? Source { get; init; }

    /// <summary>
    /// Thermal design power of all processors of the machine together, in watts, for the estimate; null assumes 5 W for
    /// each logical processor.
    /// </summary>
    public double? TdpWatts { get; init; }

    /// <summary>Root of the kernel's sysfs; tests put a made-up tree here.</summary>
    public string SysfsRoot { get; init; } = "/sys";
}
