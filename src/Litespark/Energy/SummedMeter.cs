using System.Diagnostics;

namespace Litespark.Energy;

/// <summary>
/// The sum of several machines' meters. It is an estimate where one of them is, and not a number while one of them is unknown:
/// a part of the energy never passes for all of it.
/// </summary>
internal sealed class SummedMeter : IEnergyMeter
{
    readonly IEnergyMeter[] meters;
    readonly string measured;

    /// <summary>Takes over the meters.</summary>
    public SummedMeter(params IEnergyMeter[] meters)
    {
        this.meters = meters;
        measured = string.Join('+', meters.Select(meter => meter.Source).Where(source => source != EnergySources.Estimate).Distinct().Order(StringComparer.Ordinal));
        Explanation = $"the sum of {meters.Length}: {string.Join("; ", meters.Select(meter => meter.Explanation))}";
        Counted = [.. meters.SelectMany(meter => meter.Counted)];
        ShortestWindow = meters.Max(meter => meter.ShortestWindow);
    }

    /// <inheritdoc/>
    public string Source => IsEstimate ? EnergySources.Estimate : measured;

    /// <inheritdoc/>
    public bool IsEstimate
    {
        get
        {
            foreach (IEnergyMeter meter in meters)
                if (meter.IsEstimate) return true;
            return false;
        }
    }

    /// <inheritdoc/>
    public string Explanation { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Counted { get; }

    /// <inheritdoc/>
    public TimeSpan ShortestWindow { get; }

    /// <inheritdoc/>
    public double ReadJoules()
    {
        double joules = 0;
        foreach (IEnergyMeter meter in meters) joules += meter.ReadJoules();
        return joules;
    }

    /// <inheritdoc/>
    public double ReadJoulesUpToNow(TimeSpan patience)
    {
        long began = Stopwatch.GetTimestamp();
        double joules = 0;
        foreach (IEnergyMeter meter in meters)
        {
            TimeSpan left = patience - Stopwatch.GetElapsedTime(began);
            joules += meter.ReadJoulesUpToNow(left > TimeSpan.Zero ? left : TimeSpan.Zero);
        }

        return joules;
    }

    /// <inheritdoc/>
    public string? TakeWarning()
    {
        foreach (IEnergyMeter meter in meters)
            if (meter.TakeWarning() is { } warning) return warning;
        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IEnergyMeter meter in meters) meter.Dispose();
    }
}
