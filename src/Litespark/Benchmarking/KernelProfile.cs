using Litespark.Graphs;
using Litespark.Planning;

namespace Litespark.Benchmarking;

/// <summary>Times every kernel call of a step by itself.</summary>
internal static class KernelProfile
{
    /// <summary>Runs a step's plans some times on the inputs of the last step; each call's median counts, and of its work what is alive. Cancellation stops between two of them.</summary>
    public static IReadOnlyList<KernelFigures> Measure(ILoadedProgram program, int rounds, LiveWork? live = null, CancellationToken cancellation = default)
    {
        var calls = new List<(KernelCall Call, double Seconds)>();
        foreach ((StepPlan plan, _) in StepWork.Of(program.Program, 1))
        {
            double[][] runs = [.. Enumerable.Range(0, rounds).Select(_ => new double[plan.Calls.Count])];
            foreach (double[] run in runs)
            {
                cancellation.ThrowIfCancellationRequested();
                program.Run(plan, run);
            }

            for (int i = 0; i < plan.Calls.Count; i++) calls.Add((plan.Calls[i], runs.Select(run => run[i]).Order().ElementAt(rounds / 2)));
        }

        double total = calls.Sum(call => call.Seconds);
        var kernels = new List<KernelFigures>();
        foreach (IGrouping<(string Name, Phase Phase), (KernelCall Call, double Seconds)> group in calls.GroupBy(item => (item.Call.Op.Name, item.Call.Phase)))
        {
            double seconds = group.Sum(item => item.Seconds);
            kernels.Add(new KernelFigures(group.Key.Name, group.Key.Phase, group.Count(), seconds * 1e3,
                group.Sum(item => live?.Flops(item.Call) ?? item.Call.Cost.Flops) / 1e9, group.Sum(item => item.Call.Cost.Bytes) / 1e6, seconds / total));
        }

        return [.. kernels.OrderByDescending(kernel => kernel.Ms)];
    }
}
