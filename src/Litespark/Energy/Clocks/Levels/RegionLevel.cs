namespace Litespark.Energy.Clocks.Levels;

/// <summary>
/// Runs of calls that keep one pair of clocks, with what changes cost, found along the step's known order. The corners of the
/// time–energy hull are exact; between them small steps are searched to the end, and for large ones the bound tells how much is left.
/// </summary>
/// <param name="switching">What a change costs.</param>
/// <param name="changesAhead">
/// Whether kernels run on while clocks change: then a change costs no time, but the next one cannot begin before it is done.
/// Else the step waits for each.
/// </param>
internal sealed class RegionLevel(ClockSwitching switching, bool changesAhead) : IPlanLevel
{
    readonly Dictionary<StepModel, RegionHull> hulls = [];

    public LevelSolution Minimize(StepModel model, double tau)
    {
        RegionHull hull = Hull(model);
        double budget = (1 + tau) * model.Automatic.Seconds * (1 + ChoiceSolver.Rounding);
        RegionPath thriftiest = hull.Thriftiest;
        if (thriftiest.Cost.Seconds <= budget) return new LevelSolution(thriftiest.CallClocks, thriftiest.Cost, thriftiest.Cost.Joules);
        (RegionPath path, RegionPath beyond) = hull.Around(budget);
        double price = RegionHull.Price(path, beyond), bound = path.Cost.Joules - (price * (budget - path.Cost.Seconds));
        path = RegionSplice.Best(hull.Problem, path, beyond, budget);
        if (model.Automatic.Joules < path.Cost.Joules) path = hull.Problem.Automatic;
        path = new RegionLabels(hull.Problem, budget, price).Search(path.Cost.Joules, ref bound) ?? path;
        return new LevelSolution(path.CallClocks, path.Cost, Math.Min(path.Cost.Joules, bound));
    }

    public LevelSolution MinimizeEnergyDelay(StepModel model)
    {
        RegionPath best = Hull(model).LeastEnergyDelay();
        return new LevelSolution(best.CallClocks, best.Cost, best.Cost.EnergyDelay);
    }

    RegionHull Hull(StepModel model)
    {
        if (!hulls.TryGetValue(model, out RegionHull? hull)) hulls[model] = hull = new RegionHull(new RegionProblem(model, switching, changesAhead));
        return hull;
    }
}
