namespace Litespark.Energy;

/// <summary>The sum of several counters. A thread reads along where a counter could otherwise wrap twice between two reads.</summary>
internal sealed class CounterMeter : IEnergyMeter
{
    /// <summary>More power than one counter's domain draws; bounds the time that it needs to wrap.</summary>
    const double HighestWatts = 2000;
    static readonly TimeSpan LongRun = TimeSpan.FromDays(30);

    readonly Lock gate = new();
    readonly EnergyCounter[] counters;
    readonly ManualResetEvent closing = new(false);
    readonly Thread? sampler;
    bool isDisposed;
    double joules;

    /// <summary>Takes over the counters.</summary>
    public CounterMeter(string source, string explanation, EnergyCounter[] counters)
    {
        Source = source;
        Explanation = explanation;
        this.counters = counters;
        SamplingInterval = IntervalFor(counters);
        if (SamplingInterval is not { } interval) return;
        sampler = new Thread(() => Sample(interval)) { IsBackground = true, Name = "litespark energy" };
        sampler.Start();
    }

    /// <inheritdoc/>
    public string Source { get; }

    /// <inheritdoc/>
    public bool IsEstimate => false;

    /// <inheritdoc/>
    public string Explanation { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Counted { get; } = [CountedParts.Processors];

    /// <summary>Processors' counters are renewed about every millisecond: a twentieth of a second holds some fifty of their steps.</summary>
    public TimeSpan ShortestWindow => TimeSpan.FromMilliseconds(50);

    /// <summary>How often the background thread reads; null where no counter can wrap within a long run.</summary>
    internal TimeSpan? SamplingInterval { get; }

    /// <summary>What the last read gave, whoever read.</summary>
    internal double LastJoules => Volatile.Read(ref joules);

    /// <inheritdoc/>
    public double ReadJoules()
    {
        lock (gate)
        {
            if (isDisposed) return joules;
            ulong microjoules = 0;
            foreach (EnergyCounter counter in counters) microjoules += counter.ReadMicrojoules();
            return joules = microjoules * 1e-6;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            if (isDisposed) return;
            isDisposed = true;
            foreach (EnergyCounter counter in counters) counter.Dispose();
        }

        closing.Set();
        sampler?.Join();
        closing.Dispose();
    }

    /// <summary>A quarter of the shortest time to wrap; null where that is longer than any run.</summary>
    static TimeSpan? IntervalFor(EnergyCounter[] counters)
    {
        double shortest = double.PositiveInfinity;
        foreach (EnergyCounter counter in counters)
        {
            if (counter.Range > 0) shortest = Math.Min(shortest, counter.Range * 1e-6 / HighestWatts);
        }

        return shortest < LongRun.TotalSeconds ? TimeSpan.FromSeconds(Math.Clamp(shortest / 4, 0.05, 3600)) : null;
    }

    void Sample(TimeSpan interval)
    {
        while (!closing.WaitOne(interval)) ReadJoules();
    }
}
