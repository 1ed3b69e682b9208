namespace Litespark.Energy.Nvml;

/// <summary>The energy of a run's GPUs. Where a GPU has no energy counter a thread samples its power.</summary>
internal sealed class NvmlMeter : IEnergyMeter
{
    /// <summary>Time between two samples of power: sensors are renewed some ten to fifty times a second.</summary>
    public static readonly TimeSpan SamplingInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// NVIDIA's counters step about every 100 ms, so that both ends of a window are uncertain by as much: two per cent of
    /// each end's power in five seconds.
    /// </summary>
    static readonly TimeSpan Shortest = TimeSpan.FromSeconds(5);

    /// <summary>
    /// A read can cost some milliseconds in the driver, as much as a step of a small model: the next one waits until fifty
    /// times as long has passed, so that reading takes at most two per cent of the time, but never longer than the counter's step.
    /// </summary>
    const int PauseFactor = 50;

    static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(100);

    readonly Lock gate = new();
    readonly NvmlGpus gpus;
    readonly TimeProvider time;
    readonly ManualResetEvent closing = new(false);
    readonly Thread? sampler;
    long readAgainAt = long.MinValue;
    bool isDisposed;
    double joules;

    /// <summary>Takes over the GPUs.</summary>
    public NvmlMeter(NvmlGpus gpus, TimeProvider time)
    {
        this.gpus = gpus;
        this.time = time;
        Explanation = gpus.Describe();
        if (!gpus.MustSample) return;
        sampler = new Thread(Sample) { IsBackground = true, Name = "litespark gpu power" };
        sampler.Start();
    }

    /// <inheritdoc/>
    public string Source => EnergySources.Nvml;

    /// <inheritdoc/>
    public bool IsEstimate => false;

    /// <inheritdoc/>
    public string Explanation { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Counted => gpus.Counted;

    /// <inheritdoc/>
    public TimeSpan ShortestWindow => Shortest;

    /// <summary>What the last read gave, whoever read.</summary>
    internal double LastJoules => Volatile.Read(ref joules);

    /// <inheritdoc/>
    public double ReadJoules()
    {
        lock (gate)
        {
            long start = time.GetTimestamp();
            if (isDisposed || start < readAgainAt) return joules;
            joules = gpus.ReadJoules();
            long end = time.GetTimestamp();
            long longest = (long)(LongestPause.TotalSeconds * time.TimestampFrequency);
            readAgainAt = end + Math.Min((end - start) * PauseFactor, longest);
            return joules;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            if (isDisposed) return;
            isDisposed = true;
            gpus.Dispose();
        }

        closing.Set();
        sampler?.Join();
        closing.Dispose();
    }

    void Sample()
    {
        while (!closing.WaitOne(SamplingInterval)) ReadJoules();
    }
}
