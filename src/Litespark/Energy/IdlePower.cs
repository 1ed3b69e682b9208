namespace Litespark.Energy;

/// <summary>
/// The power of a machine at rest, for figures that leave it out (<see cref="EnergyReading.Above"/>). Joules of runs and
/// benchmarks include it unless they say otherwise: whoever runs the machine pays for it.
/// </summary>
public static class IdlePower
{
    /// <summary>Mean watts over a window in which nothing is run; waits that long.</summary>
    /// <param name="meter">The meter; not an estimate, which knows nothing of a machine at rest.</param>
    /// <param name="window">How long; at least the meter's <see cref="IEnergyMeter.ShortestWindow"/>, which null stands for, or a second.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="ArgumentException">The meter estimates, or the window is too short to be precise.</exception>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public static double Measure(IEnergyMeter meter, TimeSpan? window = null, CancellationToken cancellation = default) => Measure(meter, window, TimeProvider.System, length =>
    {
        cancellation.WaitHandle.WaitOne(length);
        cancellation.ThrowIfCancellationRequested();
    });

    /// <summary>Measures by another clock.</summary>
    internal static double Measure(IEnergyMeter meter, TimeSpan? window, TimeProvider time, Action<TimeSpan> wait)
    {
        if (meter.IsEstimate) throw new ArgumentException("Idle power is measured, not estimated.", nameof(meter));
        TimeSpan second = TimeSpan.FromSeconds(1);
        TimeSpan length = window ?? (meter.ShortestWindow > second ? meter.ShortestWindow : second);
        if (length < meter.ShortestWindow) throw new ArgumentException($"A window of {length.TotalSeconds} s is too short for this meter; {meter.ShortestWindow.TotalSeconds} s are needed.", nameof(window));
        EnergyWindow idle = EnergyWindow.Begin(meter, time);
        wait(length);
        return idle.End().Watts;
    }
}
