using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning;

/// <summary>FLOPs of one precision.</summary>
internal readonly record struct PrecisionWork(DataType Precision, double Flops);

/// <summary>What of a plan's sparse work a step really does: contents of buffers, which the plan itself does not know.</summary>
/// <param name="Density">Share of live weights of a stored parameter, as its products count it: 1 where the dense product is used.</param>
/// <param name="DenseGradients">Weight gradients are computed for dead blocks too.</param>
internal sealed record LiveWork(Func<string, double> Density, bool DenseGradients)
{
    /// <summary>FLOPs that a call executes.</summary>
    public double Flops(KernelCall call) => call.Op switch
    {
        BlockSparseWeightGradient when DenseGradients => call.Cost.Flops,
        BlockSparseOp => call.Cost.Flops * Density(call.SparseParameter!),
        _ => call.Cost.Flops,
    };
}

/// <summary>Which plans one optimiser step runs, and how often.</summary>
internal static class StepWork
{
    /// <summary>The plans of a step of so many micro-batches, in the order of their first run.</summary>
    public static IEnumerable<(StepPlan Plan, int Times)> Of(StepProgram program, int microBatches)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(microBatches, 1);
        yield return (program.Plans[ProgramBuilder.FirstMicroBatch], 1);
        if (microBatches > 1) yield return (program.Plans[ProgramBuilder.NextMicroBatch], microBatches - 1);
        yield return (program.Plans[ProgramBuilder.Clip], 1);
        yield return (program.Plans[ProgramBuilder.Update], 1);
    }

    /// <summary>FLOPs that a step executes, by the precision that calls compute in.</summary>
    public static PrecisionWork[] ByPrecision(StepProgram program, int microBatches, LiveWork? live = null)
        => [.. Of(program, microBatches).SelectMany(part => part.Plan.Calls.Select(call => (call.Precision, Flops: (live?.Flops(call) ?? call.Cost.Flops) * part.Times)))
            .GroupBy(item => item.Precision, (precision, items) => new PrecisionWork(precision, items.Sum(item => item.Flops))).Where(work => work.Flops > 0)];

    /// <summary>Part of <see cref="ByPrecision"/> that is attention, in the same order: what patterns leave a share of.</summary>
    public static double[] AttentionFlops(StepProgram program, int microBatches, PrecisionWork[] work)
        => [.. work.Select(part => Of(program, microBatches).Sum(plan => plan.Plan.Calls.Where(call => call.Op is Attention or AttentionGradient && call.Precision == part.Precision).Sum(call => call.Cost.Flops) * plan.Times))];

    /// <summary>FLOPs that a step executes, everything alive.</summary>
    public static double Flops(StepProgram program, int microBatches) => Of(program, microBatches).Sum(part => part.Plan.Flops * part.Times);
}
