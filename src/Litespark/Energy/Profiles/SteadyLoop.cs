namespace Litespark.Energy.Profiles;

/// <summary>
/// Runs something over and over and measures it in windows until some in a row agree: clocks and temperature have settled then,
/// and both ends of a counter's steps have lost their weight.
/// </summary>
/// <param name="meter">What is read; the joules of an estimate are none.</param>
/// <param name="settings">How long and how steadily.</param>
/// <param name="time">The clock.</param>
/// <param name="cancellation">Ends the loop.</param>
internal sealed class SteadyLoop(IEnergyMeter meter, ProfilerSettings settings, TimeProvider time, CancellationToken cancellation)
{
    /// <summary>Between two looks at the clock: long beside the look, short beside a window.</summary>
    static readonly TimeSpan Batch = TimeSpan.FromMilliseconds(10);

    /// <summary>Most runs between two looks at the clock.</summary>
    const int MostRuns = 1 << 16;

    readonly record struct Window(double Seconds, double? Joules);

    /// <summary>Measures.</summary>
    /// <param name="run">Runs it so many times and waits for the end.</param>
    public Measurement Measure(Action<int> run)
    {
        int batch = WarmUp(run);
        var windows = new List<Window>();
        (double Spread, int First) best = (double.PositiveInfinity, 0);
        while (windows.Count < Math.Max(settings.Windows, settings.MostWindows))
        {
            windows.Add(Measure(run, batch));
            int first = windows.Count - settings.Windows;
            if (first < 0) continue;
            double spread = Spread(windows, first);
            if (spread < best.Spread) best = (spread, first);
            if (spread <= settings.Tolerance) break;
        }

        Window[] accepted = [.. windows.Skip(best.First).Take(settings.Windows)];
        double? joules = accepted.All(window => window.Joules is not null) ? accepted.Average(window => window.Joules!.Value) : null;
        return new Measurement(accepted.Average(window => window.Seconds), joules, best.Spread, best.Spread <= settings.Tolerance);
    }

    /// <summary>Runs for the warm-up's time and finds how many runs make a batch.</summary>
    int WarmUp(Action<int> run)
    {
        int batch = 1;
        for (long start = time.GetTimestamp(); time.GetElapsedTime(start) < settings.WarmUp;)
        {
            cancellation.ThrowIfCancellationRequested();
            long before = time.GetTimestamp();
            run(batch);
            if (time.GetElapsedTime(before) < Batch && batch < MostRuns) batch *= 2;
        }

        return batch;
    }

    Window Measure(Action<int> run, int batch)
    {
        long runs = 0;
        long start = time.GetTimestamp();
        EnergyWindow window = EnergyWindow.Begin(meter, time);
        do
        {
            cancellation.ThrowIfCancellationRequested();
            run(batch);
            runs += batch;
        }
        while (time.GetElapsedTime(start) < settings.Window);
        EnergyReading reading = window.End();
        return new Window(reading.Seconds / runs, meter.IsEstimate || reading.IsImprecise ? null : reading.Joules / runs);
    }

    double Spread(List<Window> windows, int first)
    {
        double Of(Func<Window, double> figure)
        {
            double[] figures = [.. windows.Skip(first).Take(settings.Windows).Select(figure)];
            return (figures.Max() - figures.Min()) / figures.Average();
        }

        return Math.Max(Of(window => window.Seconds), windows.Skip(first).All(window => window.Joules > 0) ? Of(window => window.Joules!.Value) : 0);
    }
}
