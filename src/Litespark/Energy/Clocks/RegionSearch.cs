namespace Litespark.Energy.Clocks;

/// <summary>
/// The path through a step's calls that makes a weighted sum of time and energy smallest, by dynamic programming over where
/// regions begin and end. The step repeats, so a path ends at the clocks that it starts from ("home"); each home is tried.
/// </summary>
internal sealed class RegionSearch
{
    readonly RegionProblem problem;
    readonly int calls, pairs;
    readonly double[] cost, seconds; // sums over the calls so far, boundary × clocks
    readonly double[] entry; // of a region that starts at a boundary, less the sum up to there
    readonly int[] cameFrom, startsAt; // the clocks before a region that starts at a boundary; the start of the one that ends there
    readonly double[] end, enter;
    readonly double change1, change2;

    RegionSearch(RegionProblem problem, double secondsWeight, double joulesWeight)
    {
        this.problem = problem;
        (calls, pairs) = (problem.CallCount, problem.ClockCount);
        int size = (calls + 1) * pairs;
        (cost, seconds, entry, end, enter, cameFrom, startsAt) = (new double[size], new double[size], new double[size], new double[size], new double[pairs], new int[size], new int[size]);
        (change1, change2) = (problem.ChangeCost(1, secondsWeight, joulesWeight), problem.ChangeCost(2, secondsWeight, joulesWeight));
        for (int i = 0; i < calls * pairs; i++)
        {
            seconds[i + pairs] = seconds[i] + problem.Seconds[i];
            cost[i + pairs] = cost[i] + (secondsWeight * problem.Seconds[i]) + (joulesWeight * problem.Joules[i]);
        }
    }

    /// <summary>The best path.</summary>
    public static RegionPath Solve(RegionProblem problem, double secondsWeight, double joulesWeight)
    {
        const int Anywhere = -1;
        var search = new RegionSearch(problem, secondsWeight, joulesWeight);
        int constant = search.BestConstant(out double best);
        (double relaxed, int last) = search.Run(Anywhere);
        if (problem.IsChangeFree) return relaxed < best ? problem.Path(search.Trace(last)) : problem.Constant(constant);

        // A path that may start from any clocks costs no more than one that must come back to them: homes whose bound that shows to be no better need no look.
        double[] bounds = search.end[^search.pairs..];
        int? home = null;
        foreach (int candidate in problem.Homes.OrderBy(pair => bounds[pair]))
        {
            if (bounds[candidate] >= best) break;
            if (search.Run(candidate).Cost is var found && found < best) (best, home) = (found, candidate);
        }

        if (home is not { } chosen) return problem.Constant(constant);
        search.Run(chosen);
        return problem.Path(search.Trace(chosen));
    }

    /// <summary>The best pair for the whole step, which is one region however short it is.</summary>
    int BestConstant(out double value)
    {
        int best = 0;
        for (int pair = 1; pair < pairs; pair++)
            if (cost[(calls * pairs) + pair] < cost[(calls * pairs) + best]) best = pair;
        value = cost[(calls * pairs) + best];
        return best;
    }

    /// <summary>Fills the tables for paths that end at the clocks before their first call; returns the best one's cost and last clocks.</summary>
    (double Cost, int Last) Run(int home)
    {
        for (int pair = 0; pair < pairs; pair++) end[pair] = home < 0 || pair == home ? 0 : double.PositiveInfinity;
        var next = new int[pairs];
        var bestEntry = new double[pairs];
        var bestStart = new int[pairs];
        Array.Fill(bestEntry, double.PositiveInfinity);
        for (int boundary = 0; boundary < calls; boundary++)
        {
            Enter(boundary);
            int after = (boundary + 1) * pairs;
            for (int pair = 0; pair < pairs; pair++)
            {
                // Starts that are early enough for a region that ends after this call.
                double latest = seconds[after + pair] - problem.ShortestRegion;
                for (; next[pair] <= boundary && (problem.ShortestRegion == 0 || seconds[(next[pair] * pairs) + pair] <= latest); next[pair]++)
                    if (entry[(next[pair] * pairs) + pair] < bestEntry[pair]) (bestEntry[pair], bestStart[pair]) = (entry[(next[pair] * pairs) + pair], next[pair]);
                end[after + pair] = bestEntry[pair] + cost[after + pair];
                startsAt[after + pair] = bestStart[pair];
            }
        }

        int last = home >= 0 ? home : 0;
        for (int pair = 0; home < 0 && pair < pairs; pair++)
            if (end[(calls * pairs) + pair] < end[(calls * pairs) + last]) last = pair;
        return (end[(calls * pairs) + last], last);
    }

    /// <summary>What it costs to be at each pair of clocks at a boundary, whichever clocks were before.</summary>
    void Enter(int boundary)
    {
        int row = boundary * pairs;
        problem.Least(end.AsSpan(row, pairs), change1, change2, enter, cameFrom.AsSpan(row, pairs));
        for (int pair = 0; pair < pairs; pair++) entry[row + pair] = enter[pair] - cost[row + pair];
    }

    int[] Trace(int last)
    {
        var path = new int[calls];
        for (int boundary = calls, pair = last; boundary > 0;)
        {
            int start = startsAt[(boundary * pairs) + pair];
            Array.Fill(path, pair, start, boundary - start);
            pair = cameFrom[(start * pairs) + pair];
            boundary = start;
        }

        return path;
    }
}
