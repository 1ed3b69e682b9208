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
    /// <param name="options">Whose power it is, and the clock.</param>
    /// <param name="threads">Busy threads, for a run on the processor.</param>
    /// <param name="reasons">Why nothing could be measured; ends the explanation.</param>
    public FullLoadMeter(EnergyMeterOptions options, int threads, string reasons)
    {
        FullLoad power = FullLoad.Of(options, threads);
        time = options.Time;
        Counted = [options.IsOnGpu ? CountedParts.Gpus : CountedParts.Processors];
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

    /// <inheritdoc/>
    public IReadOnlyList<string> Counted { get; }

    /// <summary>Zero: what is guessed is no more precise over a longer window.</summary>
    public TimeSpan ShortestWindow => TimeSpan.Zero;

    /// <inheritdoc/>
    public double ReadJoules() => time.GetElapsedTime(start).TotalSeconds * watts;

    /// <inheritdoc/>
    public void Dispose() { }
}
