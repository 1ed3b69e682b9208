using Litespark.Energy.Clocks;

namespace Litespark.Tests.Energy.Paper;

/// <summary>A row of Table 1: the best clocks of a kernel and what they change.</summary>
/// <param name="Number">The kernel's number.</param>
/// <param name="Clocks">The pair that the paper found best (global, no time lost).</param>
/// <param name="Time">Change of time in per cent.</param>
/// <param name="Energy">Change of energy in per cent.</param>
internal sealed record PaperRow(int Number, ClockPair Clocks, double Time, double Energy);

/// <summary>Figures of Spaan, Chen and Varbanescu, "Reducing Compute Waste in LLMs through Kernel-Level DVFS", arXiv 2601.08539v1, as printed.</summary>
internal static class PaperTable
{
    const int Auto = 0;

    /// <summary>
    /// Section 4: memory clocks and core clocks that were tried, and automatic ones. The memory's 405 and 810 MHz are left out: they
    /// never win there, and the simulation does not know what else those states slow down.
    /// </summary>
    public static readonly ClockPair[] Grid =
    [
        .. new int?[] { null, 5001, 9251, 9501 }.SelectMany(memory => Enumerable.Range(0, 11).Select(i => new ClockPair(i == 0 ? null : 210 * i, memory))),
    ];

    /// <summary>Table 1.</summary>
    public static readonly PaperRow[] Rows =
    [
        Row(0, Auto, 630, 0.32, -33.01), Row(1, Auto, 1050, 0.77, -29.20), Row(2, 5001, Auto, -2.36, -15.41), Row(3, 9501, 1680, 1.52, -10.83),
        Row(4, 9501, Auto, -1.78, -2.74), Row(5, 9501, 1050, -0.03, -11.97), Row(6, 9251, Auto, -1.27, -4.55), Row(7, 9251, Auto, -1.42, -5.68),
        Row(8, 5001, Auto, -2.08, -14.54), Row(9, Auto, 840, 0.59, -30.97), Row(10, 5001, Auto, -2.67, -15.21), Row(11, 9501, 630, 0.03, -33.21),
        Row(12, 5001, Auto, -3.02, -13.77), Row(13, 9501, 1050, 0.43, -32.49), Row(14, 5001, Auto, -2.60, -15.72), Row(15, 9501, 1680, 1.98, -26.65),
        Row(16, 9251, Auto, -0.96, -7.75), Row(17, 5001, 1680, 8.98, -29.31), Row(18, Auto, 1260, 1.92, -29.05), Row(19, 9501, 630, 0.03, -33.14),
        Row(20, Auto, 1260, 0.88, -31.87), Row(21, Auto, Auto, 0, 0), Row(22, 5001, Auto, -2.73, -15.36), Row(23, 9501, 840, -0.04, -26.88),
        Row(24, 5001, 1680, 10.13, -30.80), Row(25, Auto, 1050, 0.42, -31.34), Row(26, 5001, Auto, -2.68, -13.30), Row(27, 9251, Auto, -1.65, -6.77),
        Row(28, Auto, 1260, 1.89, -29.42), Row(29, 9501, 1260, 0.88, -32.68), Row(30, Auto, Auto, 0, 0), Row(31, 5001, Auto, -2.46, -14.19),
        Row(32, 5001, Auto, -2.08, -12.42), Row(33, 9501, Auto, -0.31, -5.99), Row(34, 9501, Auto, -1.85, -2.70), Row(35, 9251, Auto, -0.67, -6.11),
        Row(36, 9501, Auto, -0.17, -5.23), Row(37, 9251, Auto, -1.52, -3.51), Row(38, 9501, Auto, -0.53, -5.55), Row(39, 9501, 1470, 2.62, -18.35),
        Row(40, Auto, 1260, 0.60, -30.72), Row(41, 5001, 1680, 9.03, -29.34), Row(42, 9501, Auto, -1.72, -6.77), Row(43, 9501, 1260, 1.86, -30.49),
        Row(44, 9501, 1260, 2.37, -31.35), Row(45, Auto, 1680, 7.25, -28.37),
    ];

    /// <summary>Table 2: level, objective, time and energy in per cent.</summary>
    public static readonly (PlanLevel Level, PlanObjective Objective, double Time, double Energy)[] Totals =
    [
        (PlanLevel.PassLocal, PlanObjective.EnergyDelay, 10.21, -25.42), (PlanLevel.Pass, PlanObjective.EnergyDelay, 10.21, -25.42),
        (PlanLevel.KernelLocal, PlanObjective.EnergyDelay, 10.03, -27.34), (PlanLevel.Kernel, PlanObjective.EnergyDelay, 10.28, -27.52),
        (PlanLevel.PassLocal, PlanObjective.Energy, -0.20, -1.98), (PlanLevel.Pass, PlanObjective.Energy, -0.10, -2.07),
        (PlanLevel.KernelLocal, PlanObjective.Energy, -1.78, -11.54), (PlanLevel.Kernel, PlanObjective.Energy, 0.00, -15.64),
    ];

    /// <summary>Section 6: a step with 8 sequences, in seconds and joules.</summary>
    public static readonly StepCost EightSequences = new(1.12, 325);

    /// <summary>Section 6: a step of 40 sequences on four GPUs by tensor parallelism, one GPU's seconds and joules.</summary>
    public static readonly StepCost TensorParallelFour = new(1.8, 503);

    static PaperRow Row(int number, int memory, int core, double time, double energy)
        => new(number, new ClockPair(core == Auto ? null : core, memory == Auto ? null : memory), time, energy);
}
