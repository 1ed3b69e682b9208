namespace Litespark.Energy.Clocks;

/// <summary>One option for each group.</summary>
/// <param name="Clocks">Each group's pair of clocks.</param>
/// <param name="Cost">Time and energy of all.</param>
/// <param name="LowerBound">No choice is better than this; the choice's own figure where it is the best one.</param>
internal sealed record Choice(int[] Clocks, StepCost Cost, double LowerBound)
{
    public static Choice Of(IReadOnlyList<ClockOption> options, double? lowerBound = null)
    {
        var cost = new StepCost(options.Sum(option => option.Seconds), options.Sum(option => option.Joules));
        return new Choice([.. options.Select(option => option.Clocks)], cost, lowerBound ?? cost.Joules);
    }
}

/// <summary>
/// Chooses one option for each group so that the sum of their energies is smallest: a multiple-choice knapsack (Kellerer,
/// Pferschy and Pisinger, Knapsack Problems, 2004, chapter 11).
/// </summary>
internal static class ChoiceSolver
{
    /// <summary>Relative slack of sums, which rounding makes differ in their order.</summary>
    public const double Rounding = 1e-12;

    /// <summary>The least energy within a time budget: the linear relaxation's walk, then labels that its price prunes.</summary>
    /// <param name="groups">The parts.</param>
    /// <param name="budget">Most seconds of all parts together.</param>
    /// <param name="labelLimit">Labels of one stage above which the search keeps the most promising: then the bound tells what may have been lost.</param>
    /// <returns>null where even the fastest options take longer.</returns>
    public static Choice? Minimize(IReadOnlyList<ChoiceGroup> groups, double budget, int labelLimit = 100_000)
    {
        budget *= 1 + Rounding;
        var walk = new HullWalk(groups);
        ClockOption[] chosen = walk.Fastest();
        double seconds = chosen.Sum(option => option.Seconds);
        if (seconds > budget) return null;
        double price = 0;
        var stopped = new bool[groups.Count];
        foreach (HullWalk.Step step in walk.Steps)
        {
            if (stopped[step.Group]) continue;
            if (seconds + step.Seconds <= budget)
            {
                chosen[step.Group] = step.To;
                seconds += step.Seconds;
                continue;
            }

            // The first step that does not fit is the relaxation's fraction: its ratio is the price of a second.
            if (price == 0) price = step.JoulesPerSecond;
            stopped[step.Group] = true;
        }

        return price == 0 ? Choice.Of(chosen) : new LabelSearch(groups, budget, price, labelLimit).Run(chosen);
    }

    /// <summary>
    /// The least energy × time. The product is quasi-concave, so that its minimum over all choices lies at a corner of their
    /// convex hull: the walk passes them all.
    /// </summary>
    public static Choice MinimizeEnergyDelay(IReadOnlyList<ChoiceGroup> groups)
    {
        var walk = new HullWalk(groups);
        ClockOption[] options = walk.Fastest();
        Choice first = Choice.Of(options);
        (double seconds, double joules) = (first.Cost.Seconds, first.Cost.Joules);
        double best = seconds * joules;
        int taken = 0;
        for (int i = 0; i < walk.Steps.Count; i++)
        {
            seconds += walk.Steps[i].Seconds;
            joules -= walk.Steps[i].Joules;
            if (seconds * joules < best * (1 - Rounding)) (best, taken) = (seconds * joules, i + 1);
        }

        foreach (HullWalk.Step step in walk.Steps.Take(taken)) options[step.Group] = step.To;
        StepCost cost = Choice.Of(options).Cost;
        return Choice.Of(options, cost.EnergyDelay);
    }
}
