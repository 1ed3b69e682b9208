using Litespark.Energy.Clocks;
using Litespark.Energy.Clocks.Live;

namespace Litespark.Tests.Energy.Clocks.Live;

/// <summary>The controller's thread, on a control that records what it is asked for.</summary>
public sealed class ClockControllerTests
{
    static readonly ClockPair Low = new(1000, null), High = new(2000, null);
    static readonly TimeSpan patience = TimeSpan.FromSeconds(30);

    sealed class Recorder : IClockControl
    {
        readonly List<ClockPair> asked = [];

        public int Gpus => 1;

        public IReadOnlyList<int> MemoryClocks => [5001];

        public IReadOnlyList<int> CoreClocks => [1000, 2000];

        public bool IsDisposed { get; private set; }

        /// <summary>Changes that are granted before one is refused.</summary>
        public int Granted { get; init; } = int.MaxValue;

        /// <summary>A core clock that holds whatever is asked for; 0 for the one that is.</summary>
        public int Stuck { get; init; }

        /// <summary>Where not null, changes after the first wait for it, and <see cref="IsAsking"/> says that one does.</summary>
        public ManualResetEventSlim? Gate { get; init; }

        public ManualResetEventSlim? IsAsking { get; init; }

        /// <summary>Whether a step runs; null where that does not matter. At rest clocks are low.</summary>
        public bool? IsWorking { get; set; }

        public ClockPair[] Asked
        {
            get
            {
                lock (asked) return [.. asked];
            }
        }

        public void Set(ClockPair clocks)
        {
            if (Gate is not null && Asked.Length > 0)
            {
                IsAsking?.Set();
                Gate.Wait(patience);
            }

            lock (asked)
            {
                if (asked.Count >= Granted) throw new UserErrorException("not for you");
                asked.Add(clocks);
            }
        }

        public (int CoreMegahertz, int MemoryMegahertz) Read()
        {
            if (IsWorking == false) return (210, 405);
            lock (asked) return (Stuck > 0 ? Stuck : asked[^1].CoreMegahertz ?? 2000, 5001);
        }

        public void Dispose() => IsDisposed = true;
    }

    /// <summary>The schedule's plan a hundred times as fast: 50 ms a step.</summary>
    static ClockPlan Plan()
    {
        ClockPlan slow = ClockScheduleTests.Plan(true, Low, High);
        return slow with
        {
            Switching = new ClockSwitching(0.001, 0.0005, 1, 1), Predicted = new StepCost(slow.Predicted.Seconds / 100, 1),
            Regions = [.. slow.Regions.Select(region => region with { StartSeconds = region.StartSeconds / 100 })],
        };
    }

    static void RunSteps(ClockController controller, Func<bool> until)
    {
        DateTime end = DateTime.UtcNow + patience;
        do
        {
            controller.StepStarted();
            Thread.Sleep(50);
            controller.StepEnded();
        }
        while (!until() && DateTime.UtcNow < end);
        Assert.True(until());
    }

    [Fact]
    public void Clocks_follow_the_regions_step_after_step_and_are_given_back()
    {
        using var control = new Recorder();
        using (var controller = new ClockController(Plan(), control))
        {
            Assert.Equal([Low], control.Asked);
            RunSteps(controller, () => control.Asked.Length >= 9);
            Assert.True(controller.Report is { Missed: 0, Problem: null, Changes: >= 9 });
            Assert.False(control.IsDisposed);
        }

        Assert.Equal(Enumerable.Range(0, control.Asked.Length).Select(i => i % 2 == 0 ? Low : High), control.Asked);
        Assert.True(control.IsDisposed);
    }

    [Fact]
    public void Clocks_that_do_not_hold_are_counted()
    {
        using var control = new Recorder { Stuck = 1500 };
        using var controller = new ClockController(Plan(), control);
        RunSteps(controller, () => controller.Report is { Missed: >= 2, Checked: >= 4 });
        // 1500 is above the lower bound and below the higher one.
        Assert.True(controller.Report.Missed < controller.Report.Checked);
        Assert.Contains("did not hold", controller.Report.ToString());
    }

    [Fact]
    public void A_clock_for_the_whole_step_is_read_back_once_the_device_is_at_work()
    {
        using var control = new Recorder { Stuck = 1500, IsWorking = false };
        ClockPlan plan = Plan();
        using var controller = new ClockController(plan with { Level = PlanLevel.Static, Regions = [new ClockRegion(0, 5, Low, 0)] }, control);
        // At rest, and in the first step, in which kernels are compiled, the clock would seem to hold.
        Thread.Sleep(20);
        controller.StepStarted();
        Thread.Sleep(50);
        controller.StepEnded();
        Thread.Sleep(20);
        Assert.Equal(0, controller.Report.Checked);
        control.IsWorking = true;
        RunSteps(controller, () => controller.Report.Checked > 0);
        RunSteps(controller, () => true);
        Assert.True(controller.Report is { Changes: 1, Checked: 1, Missed: 1 }, $"{controller.Report}");
    }

    [Fact]
    public void An_end_that_the_next_start_overwrites_has_ended_the_step()
    {
        using ManualResetEventSlim gate = new(), isAsking = new();
        using var control = new Recorder { Gate = gate, IsAsking = isAsking };
        using var controller = new ClockController(Plan(), control);
        try
        {
            controller.StepStarted();
            Assert.True(isAsking.Wait(patience));
            // The thread is in the driver while the first step ends and the second begins.
            controller.StepEnded();
            controller.StepStarted();
        }
        finally
        {
            gate.Set();
        }

        // Nothing is read back in the first step: that something is says that the second is known for what it is.
        Assert.True(SpinWait.SpinUntil(() => controller.Report.Checked > 0, patience));
    }

    [Fact]
    public void A_refusal_at_the_start_is_an_error_and_one_later_leaves_clocks_to_the_gpu()
    {
        using var closed = new Recorder { Granted = 0 };
        Assert.Throws<UserErrorException>(() => new ClockController(Plan(), closed));
        Assert.True(closed.IsDisposed);
        using var later = new Recorder { Granted = 2 };
        using var controller = new ClockController(Plan(), later);
        RunSteps(controller, () => controller.Problem is not null);
        Assert.Equal("not for you", controller.Problem);
        Assert.True(SpinWait.SpinUntil(() => later.IsDisposed, patience));
        controller.StepStarted();
        controller.StepEnded();
        Assert.Contains("not for you", controller.Report.ToString());
    }

    [Fact]
    public void Telling_of_steps_allocates_nothing()
    {
        using var control = new Recorder();
        using var controller = new ClockController(Plan(), control);
        controller.StepStarted();
        controller.StepEnded();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            controller.StepStarted();
            controller.StepEnded();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
