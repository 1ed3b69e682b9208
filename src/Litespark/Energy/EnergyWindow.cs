using System.Diagnostics;

namespace Litespark.Energy;

/// <summary>What one window used.</summary>
/// <param name="Joules">Energy in joules.</param>
/// <param name="Seconds">Time in seconds.</param>
public readonly record struct EnergyReading(double Joules, double Seconds)
{
    /// <summary>Mean power in watts; 0 for an empty window.</summary>
    public double Watts => Seconds > 0 ? Joules / Seconds : 0;
}

/// <summary>
/// A span of time whose energy is wanted. Windows of one meter may overlap and nest; <see cref="End"/> may be called again
/// to read on. Counters are renewed some ten to a thousand times a second, so a window well under a second is imprecise.
/// </summary>
public readonly struct EnergyWindow
{
    readonly IEnergyMeter meter;
    readonly double joules;
    readonly long timestamp;

    EnergyWindow(IEnergyMeter meter)
    {
        this.meter = meter;
        joules = meter.ReadJoules();
        timestamp = Stopwatch.GetTimestamp();
    }

    /// <summary>Opens a window now.</summary>
    public static EnergyWindow Begin(IEnergyMeter meter) => new(meter);

    /// <summary>Energy and time since the window was opened.</summary>
    public EnergyReading End() => new(meter.ReadJoules() - joules, Stopwatch.GetElapsedTime(timestamp).TotalSeconds);
}
