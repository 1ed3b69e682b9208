using System.Globalization;

namespace Litespark.Energy;

/// <summary>
/// Not a measurement: the power of a run's GPUs at full load × time. It restates time in joules and is always named an estimate.
/// </summary>
internal sealed class GpuTimeMeter : IEnergyMeter
{
    /// <summary>Watts assumed for one GPU where no power is stated: between a desktop's (RTX 3080 Ti: 350 W) and a server's (H200: 700 W).</summary>
    public const double DefaultWattsPerGpu = 500;

    readonly TimeProvider time;
    readonly double watts;
    readonly long start;

    /// <summary>Starts counting.</summary>
    /// <param name="options">The GPUs, and their power where it is stated.</param>
    /// <param name="reasons">Why nothing could be measured; ends the explanation.</param>
    public GpuTimeMeter(EnergyMeterOptions options, string reasons)
    {
        time = options.Time;
        start = time.GetTimestamp();
        int count = Math.Max(options.Gpus.Count, 1);
        watts = options.TdpWatts ?? DefaultWattsPerGpu * count;
        string power = options.TdpWatts is { } stated
            ? string.Create(CultureInfo.InvariantCulture, $"the stated {stated} W of all GPUs")
            : $"an assumed {DefaultWattsPerGpu} W for each of {count} GPUs";
        Explanation = $"estimate, not a measurement: time × {power} at full load.{reasons}";
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
