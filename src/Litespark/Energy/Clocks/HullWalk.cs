namespace Litespark.Energy.Clocks;

/// <summary>
/// The lower convex hull of all ways to choose one option for each group: from the fastest choice, the steps along the groups'
/// own hulls, those that save most energy for a second first. These are the solutions of the knapsack's linear relaxation.
/// </summary>
internal sealed class HullWalk
{
    readonly IReadOnlyList<ChoiceGroup> groups;

    public HullWalk(IReadOnlyList<ChoiceGroup> groups)
    {
        this.groups = groups;
        var steps = new List<Step>();
        for (int group = 0; group < groups.Count; group++)
            for (int i = 1; i < groups[group].Hull.Count; i++) steps.Add(new Step(group, groups[group].Hull[i - 1], groups[group].Hull[i]));
        Steps = [.. steps.OrderByDescending(step => step.JoulesPerSecond)];
    }

    /// <summary>The steps in order; a group's own are in its hull's order, as its hull is convex.</summary>
    public IReadOnlyList<Step> Steps { get; }

    /// <summary>The fastest choice.</summary>
    public ClockOption[] Fastest() => [.. groups.Select(group => group.Options[0])];

    /// <summary>From one option of a group to the next on its hull.</summary>
    public readonly record struct Step(int Group, ClockOption From, ClockOption To)
    {
        public double Seconds => To.Seconds - From.Seconds;

        public double Joules => From.Joules - To.Joules;

        public double JoulesPerSecond => Joules / Seconds;
    }
}
