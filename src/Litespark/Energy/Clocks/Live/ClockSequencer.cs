namespace Litespark.Energy.Clocks.Live;

/// <summary>
/// Says which clocks are due when, step by step. Every step's start sets the time anew, and the schedule is stretched to what
/// steps have taken lately, so that errors do not add up. Knows no thread and no driver; allocates nothing. Not thread-safe.
/// </summary>
internal sealed class ClockSequencer
{
    /// <summary>Weight of the latest step in the mean of steps' times.</summary>
    const double Weight = 0.25;

    /// <summary>A step this many times as long as the mean was held up by something: it says nothing of the others.</summary>
    const double Outlier = 3;

    /// <summary>As many in a row are what steps take now.</summary>
    const int MostOutliers = 3;

    readonly ClockSchedule schedule;
    readonly double frequency;
    long start;
    int next, rejected;

    /// <param name="schedule">The plan's.</param>
    /// <param name="timestampFrequency">Timestamps of a second.</param>
    public ClockSequencer(ClockSchedule schedule, long timestampFrequency)
    {
        this.schedule = schedule;
        frequency = timestampFrequency;
        StepSeconds = schedule.StepSeconds;
        next = schedule.Changes.Count;
    }

    /// <summary>What steps take: as predicted at first, then as those that ended.</summary>
    public double StepSeconds { get; private set; }

    /// <summary>A step begins.</summary>
    /// <param name="timestamp">When.</param>
    /// <returns>The clocks that it begins with.</returns>
    public ClockPair Start(long timestamp)
    {
        (start, next) = (timestamp, 0);
        return schedule.First;
    }

    /// <summary>A step ends. What was not asked for yet is dropped.</summary>
    /// <param name="ticks">Timestamps that it took.</param>
    /// <returns>The clocks that the next step begins with.</returns>
    public ClockPair Stop(long ticks)
    {
        double seconds = ticks / frequency;
        if (seconds >= Outlier * StepSeconds && ++rejected < MostOutliers) seconds = 0;
        if (seconds > 0)
        {
            // Several in a row are no outliers: the prediction was wrong.
            StepSeconds += (rejected == MostOutliers ? 1 : Weight) * (seconds - StepSeconds);
            rejected = 0;
        }

        next = schedule.Changes.Count;
        return schedule.First;
    }

    /// <summary>The next change of this step, and when the driver is to be asked for it; false where there is none left.</summary>
    public bool TryNext(out long askAt, out ClockPair clocks)
    {
        (askAt, clocks) = (0, default);
        if (next >= schedule.Changes.Count) return false;
        ClockChange change = schedule.Changes[next];
        // Kernels stretch with the step, the driver's calls do not.
        double holdAt = change.HoldAt * StepSeconds / schedule.StepSeconds, lead = change.HoldAt - change.AskAt;
        askAt = start + (long)(Math.Max(holdAt - lead, 0) * frequency);
        clocks = change.Clocks;
        return true;
    }

    /// <summary>Goes on to the change after the next.</summary>
    public void Advance() => next++;
}
