using Litespark.Energy;
using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;
using Litespark.Tests.Energy.Simulation;

namespace Litespark.Tests.Energy.Profiles;

/// <summary>The profiler on simulated GPUs, whose truth is known.</summary>
public sealed class EnergyProfilerTests
{
    static SimulatedStep Step(SimulatedGpu gpu, GpuPhysics physics) => new(physics.Name, SimulatedStep.Small, SimulatedStep.SmallParts, gpu.Run);

    static EnergyProfiler Profiler(SimulatedGpu gpu, SimulatedStep step, bool withControl = true, ProfilerSettings? settings = null, List<string>? status = null)
        => new(step, gpu, withControl ? gpu : null, settings, status is null ? null : status.Add, gpu, gpu.Advance);

    static void Near(double expected, double actual, double tolerance) => Assert.InRange(actual, expected * (1 - tolerance), expected * (1 + tolerance));

    [Fact]
    public void Kernels_are_measured_at_their_steady_state_and_their_sum_is_the_steps()
    {
        var gpu = new SimulatedGpu(GpuPhysics.H200);
        EnergyProfile profile = Profiler(gpu, Step(gpu, GpuPhysics.H200), withControl: false).Run();
        foreach ((ProfiledKernel kernel, (KernelInfo info, KernelWork work)) in profile.Kernels.Zip(SimulatedStep.Small))
        {
            StepCost truth = SteadyState.Run(GpuPhysics.H200, work, ClockPair.Automatic);
            Assert.Equal(info, kernel.Kernel);
            Near(truth.Seconds, kernel.Automatic.Seconds, 0.01);
            Near(truth.Joules, kernel.Automatic.Joules!.Value, 0.03);
            Assert.True(kernel.Automatic is { IsSteady: true, Spread: <= 0.03 });
            Assert.Equal(info.Flops / kernel.Automatic.Joules, kernel.FlopsPerJoule);
        }

        Assert.True(profile.Closure!.Closes);
        Assert.InRange(profile.Closure.Joules!.Value, -0.03, 0.03);
        Assert.Equal("nvml", profile.Device.EnergySource);
        Assert.InRange(profile.Device.IdleWatts!.Value, 70, 120);
        Assert.Null(profile.Switching);
        Assert.Equal([ClockPair.Automatic], profile.Clocks);
    }

    [Fact]
    public void A_sum_that_does_not_close_is_told()
    {
        var gpu = new SimulatedGpu(GpuPhysics.H200);
        // A step that waits between its kernels: what runs by itself does not show it.
        var step = new SimulatedStep("waits", [(new KernelInfo("norm", "forward", "", 0, 1), new KernelWork(2, 4))], [new ProfiledPart("first_micro_batch", 1, [0, 0])], (work, times) =>
        {
            gpu.Run(work, times);
            if (times == 1) gpu.Advance(TimeSpan.FromMilliseconds(0.3));
        });
        EnergyProfile profile = Profiler(gpu, step, withControl: false).Run();
        Assert.False(profile.Closure!.Closes);
        Assert.True(profile.Closure.Seconds < -0.05);
    }

    [Fact]
    public void A_grid_is_measured_kernel_by_kernel_and_clocks_are_automatic_afterwards()
    {
        var gpu = new SimulatedGpu(GpuPhysics.Rtx3080Ti);
        SimulatedStep step = Step(gpu, GpuPhysics.Rtx3080Ti);
        IReadOnlyList<ClockPair> grid = ClockGrid.Of(gpu, 630, [5001, 9501]);
        Assert.Equal([null, 5001, 9501], grid.Select(pair => pair.MemoryMegahertz).Distinct());
        Assert.Equal([null, 2100, 1470, 840, 210], grid.Select(pair => pair.CoreMegahertz).Distinct());
        EnergyProfile profile = Profiler(gpu, step).Run(grid);
        Assert.Equal(15, profile.Clocks.Count);
        foreach ((ProfiledKernel kernel, (_, KernelWork work)) in profile.Kernels.Zip(SimulatedStep.Small))
        {
            foreach ((ClockPair pair, Measurement? point) in profile.Clocks.Zip(kernel.Points))
            {
                StepCost truth = SteadyState.Run(GpuPhysics.Rtx3080Ti, work, pair);
                Near(truth.Seconds, point!.Seconds, 0.02);
                // Some heat of the point before is still there.
                Near(truth.Joules, point.Joules!.Value, 0.05);
            }
        }

        Assert.Equal(Enumerable.Range(0, 5), step.Prepared);
        gpu.Run(SimulatedStep.Small[1].Work, 100);
        Assert.Equal(2100, gpu.Core);
        var planner = new ClockPlanner(profile);
        Dictionary<int, ClockPair> chosen = planner.Points(planner.MinimizeEnergy(PlanLevel.Kernel, 0)).ToDictionary(point => point.Kernel, point => point.Clocks);
        // The memory's kernels do as well at lower clocks of the core, the cores' at lower ones of the memory.
        Assert.True(chosen[1].CoreMegahertz <= 1470 && chosen[4].CoreMegahertz <= 1470 && chosen[0].MemoryMegahertz == 5001);
    }

    [Theory]
    [InlineData(0.0051, 0.0009)]
    [InlineData(0.000008, 0.000002)]
    public void What_a_change_takes_is_measured(double call, double settle)
    {
        GpuPhysics physics = GpuPhysics.H200 with { CallSeconds = call, SettleSeconds = settle };
        var gpu = new SimulatedGpu(physics);
        var step = new SimulatedStep("short", [(new KernelInfo("norm", "forward", "", 0, 1), new KernelWork(0.04, 0.06))], [new ProfiledPart("first_micro_batch", 1, [0])], gpu.Run);
        ClockSwitching switching = Profiler(gpu, step).Run().Switching!;
        Near(call, switching.CallSeconds, 0.01);
        // The kernel that shows the clock runs some twenty microseconds.
        Assert.InRange(switching.SettleSeconds, settle, settle + 60e-6);
        Assert.Equal(1, switching.Gpus);
        Assert.True(switching.WaitingWatts > 100);
    }

    [Fact]
    public void Clocks_that_do_not_hold_leave_a_gap()
    {
        var gpu = new SimulatedGpu(GpuPhysics.H200) { StuckCore = 1905 };
        EnergyProfile profile = Profiler(gpu, Step(gpu, GpuPhysics.H200)).Run([new ClockPair(1500, null), new ClockPair(1980, null)]);
        Assert.All(profile.Kernels, kernel => Assert.True(kernel.Points is [not null, null, not null]));
        Assert.DoesNotContain(new ClockPair(1500, null), new ClockPlanner(profile).MinimizeEnergy(PlanLevel.Kernel, 1).Regions.Select(region => region.Clocks));
    }

    [Fact]
    public void A_refusal_is_the_users_to_read_and_nothing_stays_changed()
    {
        var gpu = new SimulatedGpu(GpuPhysics.H200);
        var status = new List<string>();
        EnergyProfiler profiler = Profiler(gpu, Step(gpu, GpuPhysics.H200), status: status);
        gpu.IsForbidden = true;
        Assert.Throws<UserErrorException>(() => profiler.Run([new ClockPair(1500, null)]));
        Assert.Equal(0, gpu.Calls);
        Assert.Throws<ArgumentException>(() => Profiler(gpu, Step(gpu, GpuPhysics.H200), withControl: false).Run([new ClockPair(1500, null)]));
    }

    [Fact]
    public void What_never_gets_steady_says_so()
    {
        var gpu = new SimulatedGpu(GpuPhysics.H200);
        int runs = 0;
        var step = new SimulatedStep("restless", [(new KernelInfo("norm", "forward", "", 0, 1), new KernelWork(2, 4))], [new ProfiledPart("first_micro_batch", 1, [0])],
            (work, times) => gpu.Run(work with { MemoryMegacycles = 4 * (1 + (0.5 * (runs++ / 40 % 2))) }, times));
        Measurement measured = Profiler(gpu, step, withControl: false, settings: new ProfilerSettings { Window = TimeSpan.FromSeconds(5), WarmUp = TimeSpan.FromSeconds(1), Tolerance = 0.001, MostWindows = 5 }).Run().Kernels[0].Automatic;
        Assert.False(measured.IsSteady);
        Assert.True(measured.Spread > 0.001);
    }

    [Fact]
    public void Without_a_meter_there_is_time_and_no_joule()
    {
        var gpu = new SimulatedGpu(GpuPhysics.H200);
        using IEnergyMeter estimate = EnergyMeters.Open(new EnergyMeterOptions { Source = EnergySources.Estimate });
        EnergyProfile profile = new EnergyProfiler(Step(gpu, GpuPhysics.H200), estimate, null, null, null, gpu, gpu.Advance).Run();
        Assert.False(profile.HasEnergy);
        Assert.All(profile.Kernels, kernel => Assert.True(kernel.Automatic is { Joules: null, Watts: null, Seconds: > 0 }));
        Assert.Null(profile.KernelJoules);
        Assert.True(profile.Closure is { Joules: null, Closes: true });
        Assert.Null(profile.Device.IdleWatts);
    }
}
