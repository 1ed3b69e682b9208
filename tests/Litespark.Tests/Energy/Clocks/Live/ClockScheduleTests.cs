using Litespark.Energy.Clocks;
using Litespark.Energy.Clocks.Live;

namespace Litespark.Tests.Energy.Clocks.Live;

public sealed class ClockScheduleTests
{
    static readonly ClockPair Low = new(1000, null), High = new(2000, null), Both = new(1000, 5001);

    /// <summary>Two calls of 1 s at one clock, three at another; a change is two tenths of a second, of both clocks four.</summary>
    internal static ClockPlan Plan(bool ahead, ClockPair first, ClockPair second)
    {
        var switching = new ClockSwitching(0.15, 0.05, 100, 1);
        double change = switching.Seconds(first.ChangesTo(second)), waiting = ahead ? 0 : change;
        return new ClockPlan
        {
            Hardware = "h", Model = "m", Calls = 5, Level = PlanLevel.Region, Objective = PlanObjective.Energy, Tau = 0, ChangesAhead = ahead, Switching = switching, LowerBound = 0,
            Regions = [new ClockRegion(0, 2, first, waiting), new ClockRegion(2, 3, second, waiting + 2 + waiting)],
            Automatic = new StepCost(6, 1), Predicted = new StepCost(5 + (2 * waiting), 1),
        };
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Changes_are_asked_for_ahead_and_times_of_waiting_are_taken_out(bool ahead)
    {
        ClockSchedule schedule = ClockSchedule.Of(Plan(ahead, Low, High));
        Assert.Equal(5, schedule.StepSeconds, 9);
        Assert.Equal(Low, schedule.First);
        Assert.Equal([High, Low], schedule.Changes.Select(change => change.Clocks));
        Assert.Equal(2, schedule.Changes[0].HoldAt, 9);
        Assert.Equal(1.8, schedule.Changes[0].AskAt, 9);
        // The next step's first region, at the end of this one.
        Assert.Equal(5, schedule.Changes[1].HoldAt, 9);
        Assert.Equal(4.8, schedule.Changes[1].AskAt, 9);
    }

    [Fact]
    public void A_change_of_two_clocks_is_asked_for_earlier()
        => Assert.Equal(2 - 0.35, ClockSchedule.Of(Plan(true, Both, new ClockPair(2000, null))).Changes[0].AskAt, 9);

    [Fact]
    public void A_plan_that_takes_changes_to_cost_nothing_asks_ahead_all_the_same()
    {
        ClockPlan free = Plan(true, Low, High) with { Level = PlanLevel.Pass, Switching = ClockSwitching.Free, ChangesAhead = false };
        Assert.Equal([2, 5], ClockSchedule.Of(free).Changes.Select(change => change.AskAt));
        ClockSchedule schedule = ClockSchedule.Of(free with { Latency = new ClockSwitching(0.15, 0.05, 100, 1) });
        Assert.Equal([1.8, 4.8], schedule.Changes.Select(change => Math.Round(change.AskAt, 9)));
        Assert.Equal([2, 5], schedule.Changes.Select(change => change.HoldAt));
        Assert.Equal((5, 2), (schedule.StepSeconds, schedule.FirstSeconds));
    }

    [Fact]
    public void One_pair_for_the_whole_step_never_changes()
    {
        ClockSchedule schedule = ClockSchedule.Of(Plan(true, Low, Low));
        Assert.Empty(schedule.Changes);
        Assert.Equal(Low, schedule.First);
    }

    [Fact]
    public void Every_step_starts_the_time_anew_and_the_schedule_is_stretched_to_what_steps_take()
    {
        const long Second = 1000;
        var sequencer = new ClockSequencer(ClockSchedule.Of(Plan(true, Low, High)), Second);
        Assert.False(sequencer.TryNext(out _, out _));
        Assert.Equal(Low, sequencer.Start(10 * Second));
        Assert.True(sequencer.TryNext(out long askAt, out ClockPair clocks));
        Assert.Equal((11_800L, High), (askAt, clocks));
        sequencer.Advance();
        Assert.True(sequencer.TryNext(out askAt, out clocks));
        Assert.Equal((14_800L, Low), (askAt, clocks));
        sequencer.Advance();
        Assert.False(sequencer.TryNext(out _, out _));

        // Steps of 10 s: the mean comes near, and the driver's calls stay as long as they are.
        for (int i = 0; i < 40; i++) Assert.Equal(Low, sequencer.Stop(10 * Second));
        Assert.Equal(10, sequencer.StepSeconds, 3);
        sequencer.Start(100 * Second);
        sequencer.TryNext(out askAt, out _);
        Assert.InRange(askAt, 103_790, 103_800);
        // A step that something else held up says nothing; one that ended early drops its changes.
        sequencer.Stop(100 * Second);
        Assert.Equal(10, sequencer.StepSeconds, 3);
        Assert.False(sequencer.TryNext(out _, out _));
    }

    [Fact]
    public void Sequencing_allocates_nothing()
    {
        var sequencer = new ClockSequencer(ClockSchedule.Of(Plan(true, Low, High)), 1000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
        {
            sequencer.Start(i);
            while (sequencer.TryNext(out _, out _)) sequencer.Advance();
            sequencer.Stop(5000);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
