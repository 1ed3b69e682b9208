using Litespark.Graphs;

namespace Litespark.Planning;

/// <summary>All calls of one op in one phase of an optimiser step.</summary>
/// <param name="Name">The op.</param>
/// <param name="Phase">Part of the step.</param>
/// <param name="Calls">Kernel calls in a step.</param>
/// <param name="Cost">Their FLOPs and bytes.</param>
/// <param name="Seconds">Forecast of their time.</param>
/// <param name="Share">Share of the step's time, 0 to 1.</param>
public sealed record OperationForecast(string Name, Phase Phase, int Calls, Cost Cost, double Seconds, double Share);

/// <summary>
/// What an optimiser step will take, known before anything is allocated: memory to the byte, FLOPs exactly, time as a forecast.
/// </summary>
public sealed class PlanReport
{
    /// <summary>Reads the report off a program's plans.</summary>
    /// <param name="program">A training program.</param>
    /// <param name="roofline">The device's peaks.</param>
    /// <param name="microBatches">Micro-batches of a step.</param>
    /// <param name="microBatchTokens">Tokens of a micro-batch.</param>
    /// <param name="modelFlopsPerToken">Model FLOPs per token, by MFU's convention.</param>
    public PlanReport(StepProgram program, Roofline roofline, int microBatches, long microBatchTokens, double modelFlopsPerToken)
    {
        ArgumentNullException.ThrowIfNull(program);
        Parameters = program.Parameters.Count;
        Memory = MemoryForecast.Of(program);
        Roofline = roofline;
        TokensPerStep = microBatches * microBatchTokens;
        ModelFlopsPerToken = modelFlopsPerToken;
        ExecutedFlopsPerToken = StepWork.Flops(program, microBatches) / TokensPerStep;
        Operations = Forecast(program, roofline, microBatches);
        StepSeconds = Operations.Sum(operation => operation.Seconds);
    }

    /// <summary>Number of weights.</summary>
    public long Parameters { get; }

    /// <summary>Bytes by purpose.</summary>
    public MemoryForecast Memory { get; }

    /// <summary>The peaks that the forecast assumes.</summary>
    public Roofline Roofline { get; }

    /// <summary>Tokens of an optimiser step.</summary>
    public long TokensPerStep { get; }

    /// <summary>Model FLOPs per token, by MFU's convention.</summary>
    public double ModelFlopsPerToken { get; }

    /// <summary>FLOPs executed per token, the update included.</summary>
    public double ExecutedFlopsPerToken { get; }

    /// <summary>Forecast of a step's time: every call at the roofline, so a lower bound.</summary>
    public double StepSeconds { get; }

    /// <summary>Forecast of the speed.</summary>
    public double TokensPerSecond => TokensPerStep / StepSeconds;

    /// <summary>The step's ops, the longest first.</summary>
    public IReadOnlyList<OperationForecast> Operations { get; }

    static List<OperationForecast> Forecast(StepProgram program, Roofline roofline, int microBatches)
    {
        (KernelCall Call, int Times)[] calls = [.. StepWork.Of(program, microBatches).SelectMany(part => part.Plan.Calls.Select(call => (call, part.Times)))];
        double total = calls.Sum(item => roofline.Seconds(item.Call.Cost) * item.Times);
        var operations = new List<OperationForecast>();
        foreach (var group in calls.GroupBy(item => (item.Call.Op.Name, item.Call.Phase)))
        {
            var cost = new Cost(group.Sum(item => item.Call.Cost.Flops * item.Times), group.Sum(item => item.Call.Cost.Bytes * item.Times));
            double seconds = group.Sum(item => roofline.Seconds(item.Call.Cost) * item.Times);
            operations.Add(new OperationForecast(group.Key.Name, group.Key.Phase, group.Sum(item => item.Times), cost, seconds, seconds / total));
        }

        return [.. operations.OrderByDescending(operation => operation.Seconds)];
    }
}
