namespace Litespark.Energy.Clocks.Live;

/// <summary>A change of clocks within a step.</summary>
/// <param name="AskAt">Seconds from the step's start at which the driver is asked, if the step takes its predicted time.</param>
/// <param name="HoldAt">Seconds from the step's start at which the clocks are wanted.</param>
/// <param name="Clocks">The clocks.</param>
internal readonly record struct ClockChange(double AskAt, double HoldAt, ClockPair Clocks);

/// <summary>
/// A plan's regions as times within a step. A change is asked for as long before its region as the driver's calls and the
/// clock's settling take, whether or not the plan counted that, so that kernels never wait: times that a plan has set aside
/// for waiting are taken out. The first region's clocks are asked for at the end of the step before.
/// </summary>
internal sealed class ClockSchedule
{
    ClockSchedule(ClockChange[] changes, double stepSeconds, ClockPair first) => (Changes, StepSeconds, First) = (changes, stepSeconds, first);

    /// <summary>Changes in the order of their regions, that to the next step's first region last; none where the whole step has one pair of clocks.</summary>
    public IReadOnlyList<ClockChange> Changes { get; }

    /// <summary>Predicted time of a step whose changes nobody waits for.</summary>
    public double StepSeconds { get; }

    /// <summary>Predicted time of the first region, or of the whole step where that is one.</summary>
    public double FirstSeconds => Changes.Count > 0 ? Changes[0].HoldAt : StepSeconds;

    /// <summary>Clocks of the first region.</summary>
    public ClockPair First { get; }

    /// <summary>Reads a plan.</summary>
    public static ClockSchedule Of(ClockPlan plan)
    {
        IReadOnlyList<ClockRegion> regions = plan.Regions;
        var changes = new List<ClockChange>();
        double holdAt = 0, askedAt = 0;
        for (int i = 0; i < regions.Count; i++)
        {
            ClockRegion? next = i + 1 < regions.Count ? regions[i + 1] : null;
            ClockPair clocks = (next ?? regions[0]).Clocks;
            int changed = regions[i].Clocks.ChangesTo(clocks);
            double waiting = plan.ChangesAhead || next is null ? 0 : plan.Switching.Seconds(changed), lead = (plan.Latency ?? plan.Switching).Seconds(changed);
            holdAt += Math.Max((next?.StartSeconds ?? plan.Predicted.Seconds) - waiting - regions[i].StartSeconds, 0);
            if (clocks == regions[i].Clocks) continue;
            // Never before the change before it: the driver's calls run one after another.
            askedAt = Math.Max(holdAt - lead, askedAt);
            changes.Add(new ClockChange(askedAt, holdAt, clocks));
        }

        return new ClockSchedule([.. changes], holdAt, regions[0].Clocks);
    }
}
