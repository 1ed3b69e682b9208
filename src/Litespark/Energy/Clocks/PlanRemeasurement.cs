using Litespark.Energy.Profiles;

namespace Litespark.Energy.Clocks;

/// <summary>
/// Measures a plan's points again before it is accepted. A search over noisy points picks those whose noise was lucky, so that
/// its figure is better than what will come (Spaan, Chen and Varbanescu searched 15.6 % and measured 14.6 %: arXiv 2601.08539,
/// section 5). Each chosen point's figure is replaced by a new measurement and the search runs again, until it chooses only
/// points that were measured again; then all of them and automatic clocks are measured once more, for figures that no choice has seen.
/// </summary>
public static class PlanRemeasurement
{
    /// <summary>Searches after which the last plan is taken.</summary>
    const int MostRounds = 20;

    /// <summary>Searches, measures again, and returns the plan with what it then took.</summary>
    /// <param name="profile">The profile.</param>
    /// <param name="search">Makes a plan of a profile.</param>
    /// <param name="measure">Measures a kernel at a pair of clocks; null where these don't hold.</param>
    /// <param name="switching">What changing clocks costs; null for what the profile says.</param>
    /// <param name="changesAhead">Whether changes are begun ahead of their region.</param>
    public static ClockPlan Run(EnergyProfile profile, Func<ClockPlanner, ClockPlan> search, Func<int, ClockPair, Measurement?> measure, ClockSwitching? switching = null, bool changesAhead = false)
    {
        ArgumentNullException.ThrowIfNull(search);
        ArgumentNullException.ThrowIfNull(measure);
        ClockPlanner Planner(EnergyProfile of) => new(of, switching, changesAhead);
        var measured = new HashSet<(int Kernel, ClockPair Clocks)>();
        int rounds = 0;
        while (true)
        {
            ClockPlanner planner = Planner(profile);
            ClockPlan plan = search(planner);
            rounds++;
            (int Kernel, ClockPair Clocks)[] points = [.. planner.Points(plan).Concat(Automatic(profile)).Distinct()];
            (int Kernel, ClockPair Clocks)[] unseen = [.. points.Where(point => !measured.Contains(point))];
            if (unseen.Length == 0 || rounds == MostRounds)
            {
                EnergyProfile again = Replace(profile, points, measure);
                foreach ((int kernel, ClockPair clocks) in points)
                {
                    if (again.Kernels[kernel].Points[again.Clocks.ToList().IndexOf(clocks)] is not null) continue;
                    throw new UserErrorException($"The clocks {clocks} of {again.Kernels[kernel].Kernel.Name} held before and do not any more (power or temperature): no plan is written. Right would be the same command on a GPU that is cool and free, or a profile without these clocks.");
                }

                ClockPlanner last = Planner(again);
                return plan with { Remeasured = new RemeasuredPlan(last.Automatic, last.CostOf(plan), rounds) };
            }

            profile = Replace(profile, unseen, measure);
            measured.UnionWith(unseen);
        }
    }

    static IEnumerable<(int, ClockPair)> Automatic(EnergyProfile profile) => profile.Sequence.Distinct().Select(kernel => (kernel, ClockPair.Automatic));

    static EnergyProfile Replace(EnergyProfile profile, IEnumerable<(int Kernel, ClockPair Clocks)> points, Func<int, ClockPair, Measurement?> measure)
    {
        Measurement?[][] table = [.. profile.Kernels.Select(kernel => kernel.Points.ToArray())];
        int[] columns = [.. Enumerable.Range(0, profile.Clocks.Count)];
        foreach ((int kernel, ClockPair clocks) in points)
        {
            int column = Array.Find(columns, index => profile.Clocks[index] == clocks);
            // Automatic clocks always hold; what held once and no longer does is no choice any more.
            table[kernel][column] = measure(kernel, clocks) ?? (clocks.IsAutomatic ? table[kernel][column] : null);
        }

        return profile with { Kernels = [.. profile.Kernels.Zip(table, (kernel, row) => kernel with { Points = row })] };
    }
}
