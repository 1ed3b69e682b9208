using Litespark.Energy.Comparison;
using Litespark.Graphs;

namespace Litespark.Benchmarking;

/// <summary>What one plan took, medians over all its steps.</summary>
public sealed record PlanFigures
{
    /// <summary>Tokens of a step over its time.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>One micro-batch and the update, data included, in milliseconds.</summary>
    public required double StepMs { get; init; }

    /// <summary>Size of the arenas.</summary>
    public required long PeakMemoryBytes { get; init; }

    /// <summary>Memory of the process after a step, with no other plan loaded.</summary>
    public required long ResidentBytes { get; init; }

    /// <summary>Model FLOP utilisation, 0 to 1; null where the device's peak is not known.</summary>
    public required double? Mfu { get; init; }

    /// <summary>Hardware FLOP utilisation, 0 to 1: as executed, each call over the peak of its precision; null where one is not known.</summary>
    public required double? Hfu { get; init; }

    /// <summary>Managed bytes that a step allocates, over all threads.</summary>
    public required long AllocatedBytesPerStep { get; init; }

    /// <summary>Steps measured.</summary>
    public required int Steps { get; init; }
}

/// <summary>What one pass is worth: the time of the plan that lacks only it, over the time of the whole plan.</summary>
public sealed record PassFigures(string Name, double Speedup);

/// <summary>All calls of one op in one phase of a step.</summary>
/// <param name="Name">The op.</param>
/// <param name="Phase">Part of the step.</param>
/// <param name="Calls">Calls in a step.</param>
/// <param name="Ms">Their time together.</param>
/// <param name="Gflop">FLOPs executed, in billions.</param>
/// <param name="Megabytes">Operands moved once, in millions of bytes.</param>
/// <param name="Share">Share of the time of all kernels, 0 to 1.</param>
public sealed record KernelFigures(string Name, Phase Phase, int Calls, double Ms, double Gflop, double Megabytes, double Share)
{
    /// <summary>Rate in GFLOP/s.</summary>
    public double GflopsPerSecond => Ms > 0 ? Gflop / Ms * 1e3 : 0;
}

/// <summary>The result of a benchmark of both plans.</summary>
public sealed record BenchmarkReport
{
    /// <summary>The processor's or the GPU's name.</summary>
    public required string Machine { get; init; }

    /// <summary>Threads that compute.</summary>
    public required int Threads { get; init; }

    /// <summary>Largest sample of the device's peak by MFU's convention, FLOP/s; null where it is not known.</summary>
    public required double? PeakFlops { get; init; }

    /// <summary>What was trained.</summary>
    public required string Model { get; init; }

    /// <summary>Number of weights.</summary>
    public required long Parameters { get; init; }

    /// <summary>Sequences of a step.</summary>
    public required int MicroBatch { get; init; }

    /// <summary>Tokens of a sequence.</summary>
    public required int SequenceLength { get; init; }

    /// <summary>Energy of both plans: baseline, then litespark.</summary>
    public required EnergyComparison Energy { get; init; }

    /// <summary>No passes.</summary>
    public required PlanFigures Baseline { get; init; }

    /// <summary>All passes.</summary>
    public required PlanFigures Litespark { get; init; }

    /// <summary>Baseline's step time over litespark's.</summary>
    public double Speedup => Baseline.StepMs / Litespark.StepMs;

    /// <summary>Each pass's share of the speed.</summary>
    public required IReadOnlyList<PassFigures> Passes { get; init; }

    /// <summary>The litespark plan's kernels, the longest first.</summary>
    public required IReadOnlyList<KernelFigures> Kernels { get; init; }
}
