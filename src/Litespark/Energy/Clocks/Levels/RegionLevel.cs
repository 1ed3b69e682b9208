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
    public LevelSolution Minimize(StepModel model, double tau)
    {
        var problem = new RegionProblem(model, switching, changesAhead);
        double budget = (1 + tau) * model.Automatic.Seconds * (1 + ChoiceSolver.Rounding);
        RegionPath path = problem.Automatic;
        double bound = double.NegativeInfinity, price = 0;
        RegionPath thrifty = RegionSearch.Solve(problem, secondsWeight: 0, joulesWeight: 1);
        if (thrifty.Cost.Seconds <= budget) return new LevelSolution(thrifty.CallClocks, thrifty.Cost, thrifty.Cost.Joules);
        RegionPath fast = RegionSearch.Solve(problem, secondsWeight: 1, joulesWeight: 0);
        if (fast.Cost.Seconds <= budget) path = Better(path, fast);
        while (true)
        {
            // The hull's next corner lies farthest below the line from the one that fits to the one that does not.
            price = (fast.Cost.Joules - thrifty.Cost.Joules) / (thrifty.Cost.Seconds - fast.Cost.Seconds);
            RegionPath corner = RegionSearch.Solve(problem, price, 1);
            double value = Priced(corner, price), line = Priced(thrifty, price);
            bound = Math.Max(bound, Math.Min(value, line) - (price * budget));
            if (corner.Cost.Seconds <= budget) path = Better(path, corner);
            if (value >= line - (Math.Abs(line) * 1e-9)) break;
            if (corner.Cost.Seconds <= budget) fast = corner;
            else thrifty = corner;
        }

        path = Better(path, new RegionLabels(problem, budget, price).Search(path.Cost.Joules, ref bound) ?? path);
        return new LevelSolution(path.CallClocks, path.Cost, Math.Min(path.Cost.Joules, bound));
    }

    public LevelSolution MinimizeEnergyDelay(StepModel model)
    {
        var problem = new RegionProblem(model, switching, changesAhead);
        RegionPath fast = RegionSearch.Solve(problem, 1, 0), thrifty = RegionSearch.Solve(problem, 0, 1), best = problem.Automatic;
        var pieces = new Stack<(RegionPath Fast, RegionPath Thrifty)>([(fast, thrifty)]);
        void Take(RegionPath path) => best = path.Cost.EnergyDelay < best.Cost.EnergyDelay ? path : best;
        Take(fast);
        Take(thrifty);
        while (pieces.TryPop(out (RegionPath Fast, RegionPath Thrifty) piece))
        {
            // Nothing between two corners is faster than the one and thriftier than the other.
            if (piece.Fast.Cost.Seconds * piece.Thrifty.Cost.Joules >= best.Cost.EnergyDelay * (1 - 1e-9)) continue;
            double price = (piece.Fast.Cost.Joules - piece.Thrifty.Cost.Joules) / (piece.Thrifty.Cost.Seconds - piece.Fast.Cost.Seconds);
            if (!(price > 0) || double.IsInfinity(price)) continue;
            RegionPath corner = RegionSearch.Solve(problem, price, 1);
            if (Priced(corner, price) >= Priced(piece.Thrifty, price) * (1 - 1e-9)) continue;
            Take(corner);
            pieces.Push((piece.Fast, corner));
            pieces.Push((corner, piece.Thrifty));
        }

        return new LevelSolution(best.CallClocks, best.Cost, best.Cost.EnergyDelay);
    }

    static double Priced(RegionPath path, double price) => path.Cost.Joules + (price * path.Cost.Seconds);

    static RegionPath Better(RegionPath a, RegionPath b) => b.Cost.Joules < a.Cost.Joules ? b : a;
}
