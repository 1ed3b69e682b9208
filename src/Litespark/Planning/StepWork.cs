using Litespark.Graphs;

namespace Litespark.Planning;

/// <summary>FLOPs of one precision.</summary>
internal readonly record struct PrecisionWork(DataType Precision, double Flops);

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
    public static PrecisionWork[] ByPrecision(StepProgram program, int microBatches)
        => [.. Of(program, microBatches).SelectMany(part => part.Plan.Calls.Select(call => (call.Precision, Flops: call.Cost.Flops * part.Times)))
            .GroupBy(item => item.Precision, (precision, items) => new PrecisionWork(precision, items.Sum(item => item.Flops))).Where(work => work.Flops > 0)];

    /// <summary>FLOPs that a step executes.</summary>
    public static double Flops(StepProgram program, int microBatches) => Of(program, microBatches).Sum(part => part.Plan.Flops * part.Times);
}
