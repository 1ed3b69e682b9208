using Litespark.Energy.Clocks;

namespace Litespark.Tests.Energy.Clocks;

/// <summary>The best of all plans, by trying them.</summary>
internal static class BruteForce
{
    /// <summary>The least of a figure over all ways to give each of some groups of kernels a pair of clocks; infinity where none fits.</summary>
    public static double Best(StepModel model, IReadOnlyList<int[]> groups, double budget, Func<StepCost, double> figure)
    {
        double best = double.PositiveInfinity;
        foreach (int[] choice in Choices(groups.Count, model.Clocks.Count))
        {
            var ofKernel = new int[model.Counts.Length];
            for (int group = 0; group < groups.Count; group++)
                foreach (int kernel in groups[group]) ofKernel[kernel] = choice[group];
            if (Enumerable.Range(0, ofKernel.Length).Any(kernel => model.Options[kernel][ofKernel[kernel]] is null)) continue;
            StepCost cost = model.CostOf(ofKernel);
            if (cost.Seconds <= budget * (1 + 1e-9)) best = Math.Min(best, figure(cost));
        }

        return best;
    }

    /// <summary>The least of a figure over all ways to give each call a pair of clocks, changes counted.</summary>
    public static double BestPath(StepModel model, ClockSwitching switching, bool ahead, double budget, Func<StepCost, double> figure)
    {
        int[] usable = [.. Enumerable.Range(0, model.Clocks.Count).Where(pair => model.Options.All(options => options[pair] is not null))];
        int mostChanges = usable.Max(a => usable.Max(b => model.Clocks[a].ChangesTo(model.Clocks[b])));
        double best = double.PositiveInfinity;
        foreach (int[] choice in Choices(model.Sequence.Length, usable.Length))
        {
            int[] path = [.. choice.Select(index => usable[index])];
            if (ahead && ShortestRegion(model, path) < switching.Seconds(mostChanges)) continue;
            (double seconds, double joules) = (0, 0);
            for (int call = 0; call < path.Length; call++)
            {
                int changes = model.Clocks[path[call == 0 ? ^1 : call - 1]].ChangesTo(model.Clocks[path[call]]);
                ClockOption option = model.Options[model.Sequence[call]][path[call]]!.Value;
                seconds += option.Seconds + (ahead ? 0 : switching.Seconds(changes));
                joules += option.Joules + (ahead ? 0 : switching.Joules(changes));
            }

            if (seconds <= budget * (1 + 1e-9)) best = Math.Min(best, figure(new StepCost(seconds, joules)));
        }

        return best;
    }

    /// <summary>The shortest stretch of equal clocks; a step without changes has none.</summary>
    static double ShortestRegion(StepModel model, int[] path)
    {
        if (path.Distinct().Count() == 1) return double.PositiveInfinity;
        (double shortest, double lasted) = (double.PositiveInfinity, 0);
        for (int call = 0; call < path.Length; call++)
        {
            if (call > 0 && path[call] != path[call - 1]) (shortest, lasted) = (Math.Min(shortest, lasted), 0);
            lasted += model.Options[model.Sequence[call]][path[call]]!.Value.Seconds;
        }

        return Math.Min(shortest, lasted);
    }

    static IEnumerable<int[]> Choices(int places, int values)
    {
        var choice = new int[places];
        while (true)
        {
            yield return choice;
            int place = 0;
            while (place < places && ++choice[place] == values) choice[place++] = 0;
            if (place == places) yield break;
        }
    }
}
