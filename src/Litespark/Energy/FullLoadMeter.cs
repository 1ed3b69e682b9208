namespace Litespark.Energy;

/// <summary>
/// Not a measurement: power at full load × time. It restates time in joules and is always named an estimate.
/// </summary>
internal sealed class FullLoadMeter : IEnergyMeter
{
    readonly TimeProvider time;
    readonly double watts;
    readonly long start;

    /// <summary>Starts counting.</summary>
    /// <param name="power">The power.</param>
    /// <param name="time">The clock.</param>
    /// <param name="reasons">Why nothing could be measured; ends the explanation.</param>
    public FullLoadMeter(FullLoad power, TimeProvider time, string reasons)
    {
        this.time = time;
        watts = power.Watts;
        start = time.GetTimestamp();
        Explanation = $"estimate, not a measurement: time × {power.Explanation} at full load.{reasons}";
    }

    /// <inheritdoc/>
    public string Source => EnergySources.Estimate;

    /// <inheritdoc/>
    public bool IsEstimate => true;

    /// <inheritdoc/>
    public string Explanation { get; }

    /// <summary>Zero: what is guessed is no more precise over a longer window.</summary>
    public TimeSpan ShortestWindow => TimeSpan.Zero;

    /// <inheritdoc/>
    public double ReadJoules() => time.GetElapsedTime(start).TotalSeconds * watts;

    /// <inheritdoc/>
    public void Dispose() { }
}
