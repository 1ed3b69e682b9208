namespace Litespark.Energy;

/// <summary>
/// Not a measurement: thermal design power × the share of the machine's processor time that this process used. It
/// restates time in joules, leaves out memory and idle power, and is always named an estimate.
/// </summary>
internal sealed class UtilizationMeter : IEnergyMeter
{
    /// <summary>
    /// Watts assumed for one busy logical processor where no design power is stated: between servers (a 64-core, 360 W
    /// part: 2.8 W a thread) and desktops (an 8-core, 105 W part: 6.6 W a thread).
    /// </summary>
    public const double DefaultWattsPerProcessor = 5;

    readonly double wattsPerProcessor;
    readonly TimeSpan start = Environment.CpuUsage.TotalTime;

    /// <summary>Starts counting.</summary>
    /// <param name="options">The design power, and where to count the machine's processors.</param>
    /// <param name="reasons">Why nothing could be measured; ends the explanation.</param>
    public UtilizationMeter(EnergyMeterOptions options, string reasons)
    {
        int processors = CountProcessors(options.SysfsRoot);
        wattsPerProcessor = options.TdpWatts is { } watts ? watts / processors : DefaultWattsPerProcessor;
        string power = options.TdpWatts is null
            ? $"an assumed {DefaultWattsPerProcessor} W for each of {processors} logical processors"
            : $"the stated {options.TdpWatts} W over {processors} logical processors";
        Explanation = $"estimate, not a measurement: processor time of this process × {power}.{reasons}";
    }

    /// <inheritdoc/>
    public string Source => EnergySources.Estimate;

    /// <inheritdoc/>
    public bool IsEstimate => true;

    /// <inheritdoc/>
    public string Explanation { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Counted { get; } = [CountedParts.Processors];

    /// <summary>Zero: what is guessed is no more precise over a longer window.</summary>
    public TimeSpan ShortestWindow => TimeSpan.Zero;

    /// <inheritdoc/>
    public double ReadJoules() => (Environment.CpuUsage.TotalTime - start).TotalSeconds * wattsPerProcessor;

    /// <inheritdoc/>
    public void Dispose() { }

    /// <summary>Logical processors of the whole machine (the design power is theirs), not only those this process may use.</summary>
    internal static int CountProcessors(string sysfsRoot)
    {
        int count = 0;
        string online = Probe.ReadText(Path.Combine(sysfsRoot, "devices", "system", "cpu", "online")) ?? "";
        foreach (string range in online.Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] ends = range.Split('-');
            if (!int.TryParse(ends[0], out int first) || !int.TryParse(ends[^1], out int last) || last < first) return Environment.ProcessorCount;
            count += last - first + 1;
        }

        return count > 0 ? count : Environment.ProcessorCount;
    }
}
