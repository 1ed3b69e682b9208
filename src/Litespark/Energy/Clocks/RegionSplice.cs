namespace Litespark.Energy.Clocks;

/// <summary>
/// Between a corner of the hull that fits a budget and the next that does not: the better path in a stretch of the step, the
/// fitting one elsewhere. The best of all such stretches is a good start for a search, and often near the line between the corners.
/// </summary>
internal sealed class RegionSplice
{
    readonly RegionProblem problem;
    readonly int[] outside, inside;
    readonly StepCost[] gained; // sums over calls and changes before a call, inside less outside

    RegionSplice(RegionProblem problem, RegionPath fits, RegionPath exceeds)
    {
        (this.problem, outside, inside) = (problem, fits.CallClocks, exceeds.CallClocks);
        gained = new StepCost[outside.Length + 1];
        for (int call = 0; call < outside.Length; call++)
        {
            StepCost with = Add(problem.CallCost(call, inside[call]), Change(inside, call, inside, call), 1), without = Add(problem.CallCost(call, outside[call]), Change(outside, call, outside, call), 1);
            gained[call + 1] = Add(Add(gained[call], with, 1), without, -1);
        }
    }

    /// <summary>The path of least energy that fits.</summary>
    public static RegionPath Best(RegionProblem problem, RegionPath fits, RegionPath exceeds, double budget)
    {
        var splice = new RegionSplice(problem, fits, exceeds);
        RegionPath best = fits;
        for (int from = 0; from < splice.outside.Length; from++)
        {
            for (int to = from + 1; to <= splice.outside.Length; to++)
            {
                StepCost cost = Add(fits.Cost, splice.Gain(from, to), 1);
                if (cost.Seconds > budget || cost.Joules >= best.Cost.Joules * (1 - ChoiceSolver.Rounding)) continue;
                int[] path = [.. splice.outside[..from], .. splice.inside[from..to], .. splice.outside[to..]];
                if (!problem.IsAllowed(path)) continue;
                StepCost exact = problem.CostOf(path);
                if (exact.Seconds <= budget && exact.Joules < best.Cost.Joules) best = new RegionPath(path, exact);
            }
        }

        return best;
    }

    /// <summary>What changes when the calls from one to before another take the other path.</summary>
    StepCost Gain(int from, int to)
    {
        StepCost gain = Add(gained[to], gained[from], -1);
        bool isWhole = from == 0 && to == outside.Length;
        if (isWhole) return gain;
        // The change into the stretch comes from the outer path, the one out of it from the inner.
        gain = Add(Add(gain, Change(outside, from, inside, from), 1), Change(inside, from, inside, from), -1);
        int next = to % outside.Length;
        return Add(Add(gain, Change(inside, next, outside, next), 1), Change(outside, next, outside, next), -1);
    }

    /// <summary>Cost of the change from one path's call before to another path's call.</summary>
    StepCost Change(int[] before, int call, int[] path, int at) => problem.ChangeCost(before[call == 0 ? ^1 : call - 1], path[at]);

    static StepCost Add(StepCost a, StepCost b, double factor) => new(a.Seconds + (factor * b.Seconds), a.Joules + (factor * b.Joules));
}
