using Litespark.Energy.Clocks;

namespace Litespark.Energy.Profiles;

/// <summary>What was profiled.</summary>
/// <param name="Model">The model's name.</param>
/// <param name="MicroBatch">Sequences of a micro-batch.</param>
/// <param name="SequenceLength">Tokens of a sequence.</param>
/// <param name="TokensPerStep">Tokens of an optimiser step.</param>
/// <param name="Recipe">The whole recipe as YAML.</param>
public sealed record ProfileSubject(string Model, int MicroBatch, int SequenceLength, long TokensPerStep, string Recipe);

/// <summary>What it ran on and how its energy was read.</summary>
/// <param name="Name">The device: <c>cpu</c>, <c>cuda</c>.</param>
/// <param name="Hardware">The processor's or the GPU's own name.</param>
/// <param name="EnergySource">A constant of <see cref="EnergySources"/>.</param>
/// <param name="EnergyExplanation">What is counted, or why nothing is.</param>
/// <param name="IdleWatts">Power at rest; null where it was not measured.</param>
public sealed record ProfileDevice(string Name, string Hardware, string EnergySource, string EnergyExplanation, double? IdleWatts);

/// <summary>The whole step at one pair of clocks.</summary>
/// <param name="Clocks">Index into <see cref="EnergyProfile.Clocks"/>.</param>
/// <param name="Measured">Time and energy of one step.</param>
public sealed record ProfiledStep(int Clocks, Measurement Measured);

/// <summary>
/// Time and energy of every kernel of a step, each run by itself over and over, at automatic clocks and at as many other
/// clocks as were tried. The step is its parts in order, each part its calls in order.
/// </summary>
public sealed record EnergyProfile
{
    /// <summary>Layout of the file; a reader refuses others.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Layout of the file.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>What was profiled.</summary>
    public required ProfileSubject Subject { get; init; }

    /// <summary>On what.</summary>
    public required ProfileDevice Device { get; init; }

    /// <summary>Clocks that were tried; the first are the automatic ones.</summary>
    public required IReadOnlyList<ClockPair> Clocks { get; init; }

    /// <summary>The step's different kernels.</summary>
    public required IReadOnlyList<ProfiledKernel> Kernels { get; init; }

    /// <summary>The step, in order.</summary>
    public required IReadOnlyList<ProfiledPart> Parts { get; init; }

    /// <summary>The whole step as it runs, at automatic clocks first; empty where it was not run.</summary>
    public IReadOnlyList<ProfiledStep> Steps { get; init; } = [];

    /// <summary>What changing clocks costs; null where they cannot be changed.</summary>
    public ClockSwitching? Switching { get; init; }

    /// <summary>Whether there are joules; without, nothing can be planned.</summary>
    public bool HasEnergy => Kernels.All(kernel => kernel.Automatic.Joules is not null);

    /// <summary>The step's calls in order, as indices of kernels, every run of every part.</summary>
    public IEnumerable<int> Sequence => Parts.SelectMany(part => Enumerable.Repeat(part.Calls, part.Times)).SelectMany(calls => calls);

    /// <summary>How often a step calls each kernel.</summary>
    public int[] CallCounts()
    {
        var counts = new int[Kernels.Count];
        foreach (ProfiledPart part in Parts)
            foreach (int kernel in part.Calls) counts[kernel] += part.Times;
        return counts;
    }

    /// <summary>Time of a step at automatic clocks as the sum of its kernels.</summary>
    public double KernelSeconds => CallCounts().Zip(Kernels, (count, kernel) => count * kernel.Automatic.Seconds).Sum();

    /// <summary>Energy of a step at automatic clocks as the sum of its kernels; null where none is measured.</summary>
    public double? KernelJoules => HasEnergy ? CallCounts().Zip(Kernels, (count, kernel) => count * kernel.Automatic.Joules!.Value).Sum() : null;

    /// <summary>How the sum of the kernels compares with the whole step at automatic clocks; null where that was not run.</summary>
    public ProfileClosure? Closure => Steps is [{ Clocks: 0 } step, ..]
        ? new ProfileClosure((KernelSeconds / step.Measured.Seconds) - 1, (KernelJoules / step.Measured.Joules) - 1)
        : null;
}

/// <summary>The sum of the kernels over the whole step, less 1.</summary>
/// <param name="Seconds">Of the time.</param>
/// <param name="Joules">Of the energy; null where none is measured.</param>
public sealed record ProfileClosure(double Seconds, double? Joules)
{
    /// <summary>Within this the sum is said to close.</summary>
    public const double Tolerance = 0.05;

    /// <summary>Whether time and, where it is measured, energy close.</summary>
    public bool Closes => Math.Abs(Seconds) <= Tolerance && Math.Abs(Joules ?? 0) <= Tolerance;
}
