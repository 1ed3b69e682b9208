namespace Litespark.Energy.Clocks;

/// <summary>What a part of the step costs at one pair of clocks.</summary>
/// <param name="Clocks">Index of the pair.</param>
/// <param name="Seconds">Time.</param>
/// <param name="Joules">Energy.</param>
internal readonly record struct ClockOption(int Clocks, double Seconds, double Joules);

/// <summary>A part of the step that keeps one pair of clocks: its options, without those that another beats in both time and energy.</summary>
internal sealed class ChoiceGroup
{
    /// <param name="options">At least one; where two are equal the lower index of clocks stays.</param>
    public ChoiceGroup(IEnumerable<ClockOption> options)
    {
        var best = new List<ClockOption>();
        foreach (ClockOption option in options.OrderBy(option => option.Seconds).ThenBy(option => option.Joules).ThenBy(option => option.Clocks))
            if (best.Count == 0 || option.Joules < best[^1].Joules) best.Add(option);
        Options = best;
        Hull = LowerHull(best);
    }

    /// <summary>From the fastest to the thriftiest: time grows, energy falls.</summary>
    public IReadOnlyList<ClockOption> Options { get; }

    /// <summary>The corners of the options' lower convex hull: each step along it saves less energy for a second than the one before.</summary>
    public IReadOnlyList<ClockOption> Hull { get; }

    /// <summary>The option that makes energy + price × time smallest; of equal ones the fastest.</summary>
    public ClockOption Cheapest(double price) => Options.MinBy(option => option.Joules + (price * option.Seconds));

    static List<ClockOption> LowerHull(List<ClockOption> options)
    {
        var hull = new List<ClockOption>();
        foreach (ClockOption option in options)
        {
            while (hull.Count > 1 && !TurnsUp(hull[^2], hull[^1], option)) hull.RemoveAt(hull.Count - 1);
            hull.Add(option);
        }

        return hull;
    }

    static bool TurnsUp(ClockOption a, ClockOption b, ClockOption c)
        => ((b.Seconds - a.Seconds) * (c.Joules - a.Joules)) - ((b.Joules - a.Joules) * (c.Seconds - a.Seconds)) > 0;
}
