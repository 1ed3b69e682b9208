namespace Litespark.Energy.Clocks;

/// <summary>Time and energy of a step.</summary>
/// <param name="Seconds">Time.</param>
/// <param name="Joules">Energy.</param>
public readonly record struct StepCost(double Seconds, double Joules)
{
    /// <summary>Energy-delay product in joule seconds.</summary>
    public double EnergyDelay => Joules * Seconds;

    /// <summary>Time relative to another's, less 1.</summary>
    public double SecondsOver(StepCost other) => (Seconds / other.Seconds) - 1;

    /// <summary>Energy relative to another's, less 1: negative is a saving.</summary>
    public double JoulesOver(StepCost other) => (Joules / other.Joules) - 1;
}

/// <summary>A run of calls at the same clocks.</summary>
/// <param name="FirstCall">Number of its first call in the step, from 0: every run of every part counts on.</param>
/// <param name="Calls">Calls in it.</param>
/// <param name="Clocks">Their clocks.</param>
/// <param name="StartSeconds">When it begins, from the step's start, as predicted.</param>
public sealed record ClockRegion(int FirstCall, int Calls, ClockPair Clocks, double StartSeconds);

/// <summary>How finely clocks are chosen. Local: the time budget holds for every part; else for the whole step, so that one part may pay for another.</summary>
public enum PlanLevel
{
    /// <summary>One pair for the whole step.</summary>
    Static,

    /// <summary>One pair for each of forward, backward and optimiser; each within the budget.</summary>
    PassLocal,

    /// <summary>One pair for each of forward, backward and optimiser.</summary>
    Pass,

    /// <summary>One pair for each kernel, each within the budget, as if changing clocks cost nothing.</summary>
    KernelLocal,

    /// <summary>One pair for each kernel, as if changing clocks cost nothing.</summary>
    Kernel,

    /// <summary>Runs of calls in the step's order, with what changing clocks costs.</summary>
    Region,
}

/// <summary>What a plan makes small.</summary>
public enum PlanObjective
{
    /// <summary>Joules, within the time budget.</summary>
    Energy,

    /// <summary>Joules × seconds, without a budget.</summary>
    EnergyDelay,
}

/// <summary>Clocks for every call of a step.</summary>
public sealed record ClockPlan
{
    /// <summary>Layout of the file; a reader refuses others.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Layout of the file.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>The device's own name, as in the profile: clocks do not transfer to other devices.</summary>
    public required string Hardware { get; init; }

    /// <summary>The model.</summary>
    public required string Model { get; init; }

    /// <summary>Calls of the step, all parts' runs together; a step of another number is not the one that was planned.</summary>
    public required int Calls { get; init; }

    /// <summary>How finely clocks are chosen.</summary>
    public required PlanLevel Level { get; init; }

    /// <summary>What is made small.</summary>
    public required PlanObjective Objective { get; init; }

    /// <summary>Time budget as a fraction above automatic clocks; null for the energy-delay product, which has none.</summary>
    public required double? Tau { get; init; }

    /// <summary>The step in order, every call in one region.</summary>
    public required IReadOnlyList<ClockRegion> Regions { get; init; }

    /// <summary>The step at automatic clocks, from the profile.</summary>
    public required StepCost Automatic { get; init; }

    /// <summary>The step under the plan, from the profile: what was searched, so better than what will come (see <see cref="Remeasured"/>).</summary>
    public required StepCost Predicted { get; init; }

    /// <summary>No plan of this level within the budget takes fewer joules (or joule seconds); equal to the plan's own where it is optimal.</summary>
    public required double LowerBound { get; init; }

    /// <summary>What changing clocks was taken to cost; free for levels that leave it out.</summary>
    public required ClockSwitching Switching { get; init; }

    /// <summary>
    /// What a change takes when the plan is applied: it is asked for as long ahead and read back so much later, also where the
    /// plan was made as if changes cost nothing. Null where that is not known apart from <see cref="Switching"/>.
    /// </summary>
    public ClockSwitching? Latency { get; init; }

    /// <summary>Whether changes were taken to happen while kernels run on, begun ahead of their region; else the step was taken to wait for each.</summary>
    public required bool ChangesAhead { get; init; }

    /// <summary>The plan and automatic clocks from measurements that the search had not seen; null where none were taken.</summary>
    public RemeasuredPlan? Remeasured { get; init; }
}

/// <summary>A plan measured again.</summary>
/// <param name="Automatic">The step at automatic clocks.</param>
/// <param name="Planned">The step under the plan.</param>
/// <param name="Rounds">Searches that it took until every chosen point had been measured again.</param>
public sealed record RemeasuredPlan(StepCost Automatic, StepCost Planned, int Rounds)
{
    /// <summary>Time that a plan may take above its budget before it is refused, as a fraction: what two measurements of a time differ by.</summary>
    public const double TimeTolerance = 0.01;

    /// <summary>Whether the plan saves what it is for, and keeps to its budget.</summary>
    /// <param name="plan">The plan.</param>
    public bool Confirms(ClockPlan plan) => plan.Objective == PlanObjective.EnergyDelay
        ? Planned.EnergyDelay < Automatic.EnergyDelay
        : Planned.Joules < Automatic.Joules && Planned.SecondsOver(Automatic) <= plan.Tau + TimeTolerance;
}
