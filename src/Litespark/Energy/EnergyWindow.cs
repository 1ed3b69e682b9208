namespace Litespark.Energy;

/// <summary>What one window used.</summary>
/// <param name="Joules">Energy in joules.</param>
/// <param name="Seconds">Time in seconds.</param>
/// <param name="IsImprecise">Whether the window was shorter than the meter's <see cref="IEnergyMeter.ShortestWindow"/>: no saving may be reported from it.</param>
public readonly record struct EnergyReading(double Joules, double Seconds, bool IsImprecise = false)
{
    /// <summary>Mean power in watts; 0 for an empty window.</summary>
    public double Watts => Seconds > 0 ? Joules / Seconds : 0;

    /// <summary>What the window used beyond a machine at rest, measured by <see cref="IdlePower"/>; noise can make it negative.</summary>
    public EnergyReading Above(double idleWatts) => this with { Joules = Joules - (idleWatts * Seconds) };
}

/// <summary>
/// A span of time whose energy is wanted. Windows of one meter may overlap and nest; <see cref="End"/> may be called again
/// to read on. Counters grow in steps (processors' about every millisecond, GPUs' about every 100 ms), so that a window
/// shorter than the meter's <see cref="IEnergyMeter.ShortestWindow"/> is marked as imprecise.
/// </summary>
public readonly struct EnergyWindow
{
    readonly IEnergyMeter meter;
    readonly TimeProvider time;
    readonly double joules;
    readonly long timestamp;

    EnergyWindow(IEnergyMeter meter, TimeProvider time)
    {
        this.meter = meter;
        this.time = time;
        joules = meter.ReadJoules();
        timestamp = time.GetTimestamp();
    }

    /// <summary>Opens a window now.</summary>
    /// <param name="meter">What to read.</param>
    /// <param name="time">The clock; null for the system's.</param>
    public static EnergyWindow Begin(IEnergyMeter meter, TimeProvider? time = null) => new(meter, time ?? TimeProvider.System);

    /// <summary>Energy and time since the window was opened.</summary>
    public EnergyReading End()
    {
        double used = meter.ReadJoules() - joules;
        TimeSpan length = time.GetElapsedTime(timestamp);
        return new EnergyReading(used, length.TotalSeconds, length < meter.ShortestWindow);
    }
}
