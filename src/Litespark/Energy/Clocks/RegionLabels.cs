namespace Litespark.Energy.Clocks;

/// <summary>
/// Looks between the corners of the hull for the best path within a budget, call by call: a label is a way to run the calls so
/// far. It goes where another at the same clocks beats it, and where its bound (the rest at the price of a second) is no better
/// than the best path known. Ends exact, or gives up where there are too many labels.
/// </summary>
/// <param name="problem">The step.</param>
/// <param name="budget">Most seconds.</param>
/// <param name="price">Joules that the hull pays for a second at the budget.</param>
internal sealed class RegionLabels(RegionProblem problem, double budget, double price)
{
    /// <summary>Labels of all homes together; each is extended by every pair of clocks.</summary>
    const int MostLabels = 100_000;

    readonly record struct Label(double Seconds, double Joules, double Held, int Pair, int Parent);

    readonly int calls = problem.CallCount, pairs = problem.ClockCount;
    readonly List<Label> labels = [];
    double best;
    int? bestLabel;
    int[]? bestPath;
    int labelCount;

    /// <summary>Searches for something better.</summary>
    /// <param name="known">Joules of the best path so far.</param>
    /// <param name="bound">Raised to the best path's joules where the search came to its end.</param>
    /// <returns>A better path; null where none was found.</returns>
    public RegionPath? Search(double known, ref double bound)
    {
        best = known;
        for (int pair = 0; pair < pairs; pair++)
        {
            RegionPath constant = problem.Constant(pair);
            if (constant.Cost.Seconds <= budget && constant.Cost.Joules < best) (best, bestPath) = (constant.Cost.Joules, [.. Enumerable.Repeat(pair, calls)]);
        }

        if (problem.Homes.All(SearchFrom)) bound = Math.Max(bound, best);
        return bestPath is null ? null : problem.Path(bestPath);
    }

    /// <summary>Paths that end at the clocks before their first call; false where the labels are too many.</summary>
    bool SearchFrom(int home)
    {
        double[] rest = Rest(home);
        labels.Clear();
        bestLabel = null;
        labels.Add(new Label(0, 0, double.PositiveInfinity, home, -1));
        (int first, int count) = (0, 1);
        for (int call = 0; call < calls && count > 0; call++)
        {
            var next = new List<Label>[pairs];
            for (int label = first; label < first + count; label++) Extend(label, call, rest, next);
            first = labels.Count;
            foreach (List<Label>? group in next) if (group is not null) Keep(group);
            count = labels.Count - first;
            if ((labelCount += count) > MostLabels) return false;
        }

        for (int label = first; label < first + count; label++)
            if ((home < 0 || labels[label].Pair == home) && labels[label].Held >= problem.ShortestRegion && labels[label].Joules < best) (best, bestLabel) = (labels[label].Joules, label);
        if (bestLabel is not { } found) return true;
        bestPath = new int[calls];
        for (int call = calls - 1; call >= 0; call--, found = labels[found].Parent) bestPath[call] = labels[found].Pair;
        return true;
    }

    void Extend(int index, int call, double[] rest, List<Label>[] next)
    {
        Label label = labels[index];
        for (int pair = 0; pair < pairs; pair++)
        {
            int changes = label.Pair < 0 ? 0 : problem.Changes[label.Pair, pair];
            bool begins = call == 0 || pair != label.Pair;
            if (begins && label.Held < problem.ShortestRegion) continue;
            double seconds = problem.Seconds[(call * pairs) + pair];
            var child = new Label(
                label.Seconds + seconds + problem.ChangeCost(changes, 1, 0), label.Joules + problem.Joules[(call * pairs) + pair] + problem.ChangeCost(changes, 0, 1),
                Math.Min((begins ? 0 : label.Held) + seconds, problem.ShortestRegion), pair, index);
            if (child.Seconds > budget || child.Joules + rest[((call + 1) * pairs) + pair] - (price * (budget - child.Seconds)) >= best * (1 - ChoiceSolver.Rounding)) continue;
            (next[pair] ??= []).Add(child);
        }
    }

    /// <summary>Keeps the labels of one pair of clocks that no other beats in time, energy and how long the region has lasted.</summary>
    void Keep(List<Label> group)
    {
        group.Sort((a, b) => a.Seconds != b.Seconds ? a.Seconds.CompareTo(b.Seconds) : a.Joules.CompareTo(b.Joules));
        int first = labels.Count;
        double least = double.PositiveInfinity;
        foreach (Label label in group)
        {
            bool isBeaten = problem.ShortestRegion == 0 ? label.Joules >= least : IsBeaten(label, first);
            if (isBeaten) continue;
            least = label.Joules;
            labels.Add(label);
        }
    }

    bool IsBeaten(Label label, int first)
    {
        for (int i = first; i < labels.Count; i++)
            if (labels[i].Joules <= label.Joules && labels[i].Held >= label.Held) return true;
        return false;
    }

    /// <summary>Least priced cost from a boundary on, with given clocks before it: the shortest region's length left out, so a bound.</summary>
    double[] Rest(int home)
    {
        var rest = new double[(calls + 1) * pairs];
        for (int pair = 0; pair < pairs; pair++) rest[(calls * pairs) + pair] = home < 0 || pair == home ? 0 : double.PositiveInfinity;
        var from = new double[pairs];
        var whose = new int[pairs];
        (double change1, double change2) = (problem.ChangeCost(1, price, 1), problem.ChangeCost(2, price, 1));
        for (int call = calls - 1; call >= 0; call--)
        {
            int row = call * pairs;
            for (int pair = 0; pair < pairs; pair++) from[pair] = problem.Joules[row + pair] + (price * problem.Seconds[row + pair]) + rest[row + pairs + pair];
            problem.Least(from, change1, change2, rest.AsSpan(row, pairs), whose);
        }

        return rest;
    }
}
