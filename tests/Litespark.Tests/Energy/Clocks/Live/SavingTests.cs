using Litespark.Energy;
using Litespark.Energy.Clocks;
using Litespark.Energy.Clocks.Live;
using Litespark.Energy.Nvml;
using Litespark.Energy.Profiles;
using Litespark.Tests.Energy.Nvml;
using Litespark.Tests.Energy.Simulation;
using Xunit.Abstractions;

namespace Litespark.Tests.Energy.Clocks.Live;

/// <summary>
/// Profile, plan, live control and the saving by the energy counter, end to end through NVML's interface, on simulated GPUs
/// that run on while the driver changes their clocks. Simulated time: nothing here depends on this machine's speed.
/// </summary>
public sealed class SavingTests(ITestOutputHelper output)
{
    /// <summary>Kernels bound by the core and by the memory; each takes so many milliseconds.</summary>
    static (KernelInfo Info, KernelWork Work)[] Kernels(NvmlClockControl control, double milliseconds)
    {
        double core = control.CoreClocks[^1] * milliseconds / 1e3, memory = control.MemoryClocks[^1] * milliseconds / 1e3;
        return
        [
            (new KernelInfo("matmul", "forward", "", 1, 1), new KernelWork(core, memory / 5)),
            (new KernelInfo("norm", "backward", "", 1, 1), new KernelWork(core / 5, memory)),
            (new KernelInfo("adamw", "optimizer", "", 1, 1), new KernelWork(core / 20, memory)),
        ];
    }

    /// <summary>Steps at clocks that a plan wants, or at automatic ones; joules by the counter.</summary>
    static (StepCost Cost, ClockApplier? Applier) Run(StandInNvml nvml, IEnergyMeter meter, IReadOnlyList<KernelWork> calls, int steps, ClockPlan? plan = null, IClockControl? control = null)
    {
        ClockSequencer? sequencer = plan is null ? null : new ClockSequencer(ClockSchedule.Of(plan), nvml.TimestampFrequency);
        ClockApplier? applier = control is null ? null : new ClockApplier(control);
        EnergyWindow window = default;
        for (int i = -2; i < steps; i++)
        {
            if (i == 0) window = EnergyWindow.Begin(meter, nvml);
            long start = nvml.GetTimestamp();
            if (sequencer is not null)
            {
                applier!.Ask(sequencer.Start(start));
                SetAlarm();
            }

            foreach (KernelWork call in calls) nvml.Launch(0, call.CoreMegacycles, call.MemoryMegacycles);
            nvml.Wait(0);
            nvml.SetAlarm(0, null);
            if (sequencer is not null) applier!.Ask(sequencer.Stop(nvml.GetTimestamp() - start));
        }

        EnergyReading used = window.End();
        Assert.False(used.IsImprecise);
        return (new StepCost(used.Seconds / steps, used.Joules / steps), applier);

        void SetAlarm()
        {
            if (!sequencer!.TryNext(out long askAt, out ClockPair clocks)) return;
            nvml.SetAlarm(askAt, () =>
            {
                applier!.Check(); // the last change has long settled
                sequencer.Advance();
                applier.Ask(clocks);
                SetAlarm();
            });
        }
    }

    [StandInTheory]
    [InlineData(StandInGpu.Rtx3080Ti, 5, 160)]
    [InlineData(StandInGpu.H200, 1, 200)]
    [InlineData(StandInGpu.Tomorrow, 0.2, 200)]
    public void A_plan_saves_live_what_it_promised(object kind, double milliseconds, int inARow)
    {
        using var nvml = StandInNvml.Create((StandInGpu)kind);
        EnergyMeterOptions options = nvml.Options("0");
        using IEnergyMeter meter = EnergyMeters.Open(options);
        using NvmlClockControl control = NvmlClockControl.Open(options);
        Assert.Equal("nvml", meter.Source);

        (KernelInfo Info, KernelWork Work)[] kernels = Kernels(control, milliseconds);
        int[] order = [.. new[] { 0, 1, 0, 2 }.SelectMany(kernel => Enumerable.Repeat(kernel, inARow))];
        var step = new SimulatedStep("simulated", kernels, [new ProfiledPart("first_micro_batch", 1, order)], (work, times) => nvml.Run(0, work.CoreMegacycles * times, work.MemoryMegacycles * times));
        int highest = control.CoreClocks[^1];
        ClockPair[] clocks = [.. new[] { 0.9, 0.8, 0.7, 0.6, 0.5 }.Select(share => new ClockPair(control.CoreClocks.Last(clock => clock <= share * highest), null))];
        EnergyProfile profile = new EnergyProfiler(step, meter, control, ProfilerSettings.Of(TimeSpan.FromSeconds(20)), null, nvml, length => nvml.Advance(length.TotalSeconds)).Run(clocks);
        ClockPlan plan = new ClockPlanner(profile, changesAhead: true).MinimizeEnergy(PlanLevel.Region, 0.01);
        Assert.True(plan.Regions.Count >= 4, "clocks change within the step");

        KernelWork[] calls = [.. order.Select(kernel => kernels[kernel].Work)];
        int steps = (int)Math.Ceiling(60 / plan.Automatic.Seconds);
        (StepCost automatic, _) = Run(nvml, meter, calls, steps);
        (StepCost live, ClockApplier? applier) = Run(nvml, meter, calls, steps, plan, control);
        double promised = -plan.Predicted.JoulesOver(plan.Automatic), saved = -live.JoulesOver(automatic);
        Assert.True(promised > 0.03, $"promised {promised}");
        Assert.True(Math.Abs(saved - promised) < 0.03, $"promised {promised:P1}, saved {saved:P1}, time {live.SecondsOver(automatic):P2}");
        Assert.InRange(live.SecondsOver(automatic), -0.01, 0.02);
        Assert.True(applier is { Missed: 0, Checked: > 10 }, $"{applier!.Missed} of {applier.Checked} missed");
        output.WriteLine($"{kind}: promised {promised:P1}, saved {saved:P1} by the counter, time {live.SecondsOver(automatic):P2}, {plan.Regions.Count} regions a step, {applier.Changes} changes");

        control.Dispose();
        nvml.Run(0, highest, 1);
        nvml.Load(0, 0.1, 0.1);
        Assert.Equal(highest, nvml.CoreMegahertz(0));
    }

    /// <summary>The core's clock just after the beginning of each region but the first, in one step.</summary>
    static int[] ClocksAtBoundaries(StandInNvml nvml, ClockPlan plan, NvmlClockControl control, IReadOnlyList<KernelWork> calls)
    {
        var applier = new ClockApplier(control);
        ClockSchedule schedule = ClockSchedule.Of(plan);
        applier.Ask(schedule.First);
        nvml.Advance(0.1);
        long start = nvml.GetTimestamp();
        var at = new List<int>();
        (double Seconds, Action Do)[] events =
        [
            .. schedule.Changes.SkipLast(1).Select(change => (change.AskAt, (Action)(() => applier.Ask(change.Clocks)))),
            .. schedule.Changes.SkipLast(1).Select(change => (change.HoldAt + 0.0001, (Action)(() => at.Add(control.Read().CoreMegahertz)))),
        ];
        var due = new Queue<(double Seconds, Action Do)>(events.OrderBy(due => due.Seconds));
        void SetAlarm()
        {
            if (due.TryDequeue(out (double Seconds, Action Do) next)) nvml.SetAlarm(start + (long)(next.Seconds * 1e9), () => { next.Do(); SetAlarm(); });
        }

        SetAlarm();
        foreach (KernelWork call in calls) nvml.Launch(0, call.CoreMegacycles, call.MemoryMegacycles);
        nvml.Wait(0);
        nvml.SetAlarm(0, null);
        applier.Ask(ClockPair.Automatic);
        nvml.Advance(0.1);
        return [.. at];
    }

    [StandInTheory]
    [InlineData(StandInGpu.Rtx3080Ti)]
    [InlineData(StandInGpu.H200)]
    public void A_plan_by_passes_has_its_clocks_when_the_pass_begins(object kind)
    {
        using var nvml = StandInNvml.Create((StandInGpu)kind);
        EnergyMeterOptions options = nvml.Options("0");
        using NvmlClockControl control = NvmlClockControl.Open(options);
        (KernelInfo Info, KernelWork Work)[] kernels = Kernels(control, 2);
        int[] order = [.. new[] { 0, 1, 2 }.SelectMany(kernel => Enumerable.Repeat(kernel, 100))];
        using IEnergyMeter meter = EnergyMeters.Open(options);
        var step = new SimulatedStep("simulated", kernels, [new ProfiledPart("first_micro_batch", 1, order)], (work, times) => nvml.Run(0, work.CoreMegacycles * times, work.MemoryMegacycles * times));
        int low = control.CoreClocks[control.CoreClocks.Count / 2];
        EnergyProfile profile = new EnergyProfiler(step, meter, control, ProfilerSettings.Of(TimeSpan.FromSeconds(20)), null, nvml, length => nvml.Advance(length.TotalSeconds)).Run([new ClockPair(low, null)]);
        // As the simulated GPU is, which the probe cannot see here: this one is at rest, with a low clock, as soon as its load has ended.
        GpuPhysics gpu = (StandInGpu)kind == StandInGpu.H200 ? GpuPhysics.H200 : GpuPhysics.Rtx3080Ti;
        ClockPlan plan = new ClockPlanner(profile, profile.Switching! with { CallSeconds = gpu.CallSeconds, SettleSeconds = gpu.SettleSeconds }).MinimizeEnergy(PlanLevel.Pass, 0.02);
        Assert.Equal([null, low], plan.Regions.Select(region => region.Clocks.CoreMegahertz).Distinct());
        KernelWork[] calls = [.. order.Select(kernel => kernels[kernel].Work)];
        int[] ahead = ClocksAtBoundaries(nvml, plan, control, calls), late = ClocksAtBoundaries(nvml, plan with { Latency = null }, control, calls);
        Assert.Equal([low], ahead);
        Assert.True(late[0] > low, "asked for at the boundary, the clock comes after it");
    }
}
