namespace Litespark.Energy;

/// <summary>
/// A counter of the joules that a machine's processors, or a run's GPUs, have used. Reading is cheap, allocates nothing after the first
/// read, and is safe from several threads.
/// </summary>
public interface IEnergyMeter : IDisposable
{
    /// <summary>Where the figure comes from: one of the constants of <see cref="EnergySources"/>.</summary>
    string Source { get; }

    /// <summary>Whether the figure is guessed from time rather than measured; no saving may be reported from such a one.</summary>
    bool IsEstimate { get; }

    /// <summary>What is counted, or, of an estimate, what it assumes, why nothing could be measured and what would fix that.</summary>
    string Explanation { get; }

    /// <summary>
    /// Names of what is counted, the same whoever reads them, so that two meters can be told to count the same: paths, of which
    /// a longer one is a part of a shorter one.
    /// </summary>
    IReadOnlyList<string> Counted { get; }

    /// <summary>
    /// Shortest window whose energy is known to a few per cent; a shorter one is imprecise, as counters grow in steps.
    /// </summary>
    TimeSpan ShortestWindow { get; }

    /// <summary>
    /// Joules since the meter was opened; never falls from one read to the next. Not a number while a part of it is not known,
    /// as where another machine does not answer.
    /// </summary>
    double ReadJoules();

    /// <summary>
    /// As <see cref="ReadJoules"/>, but with all that was used until now: where a part of it comes from elsewhere, its next
    /// figure is waited for.
    /// </summary>
    /// <param name="patience">The longest wait; without a figure by then it is not a number.</param>
    double ReadJoulesUpToNow(TimeSpan patience) => ReadJoules();

    /// <summary>What happened to the count that its user should know, each thing once; null where there is nothing new. Does not allocate.</summary>
    string? TakeWarning() => null;
}

/// <summary>The values of <c>energy_source</c>; where several machines are measured in different ways, the names joined by <c>+</c>.</summary>
public static class EnergySources
{
    /// <summary>NVIDIA GPUs, by NVML's total-energy counter.</summary>
    public const string Nvml = "nvml";

    /// <summary>Running average power limit: the processors' own counters, through Linux's powercap folder.</summary>
    public const string Rapl = "rapl";

    /// <summary>A hardware-monitoring driver's energy counters (AMD).</summary>
    public const string Hwmon = "hwmon";

    /// <summary>Thermal design power × utilisation; not a measurement.</summary>
    public const string Estimate = "estimate";

    /// <summary>Whether it is one of these names.</summary>
    internal static bool IsOne(string name) => name is Nvml or Rapl or Hwmon or Estimate;
}
