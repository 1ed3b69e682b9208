using Litespark.Energy;
using Litespark.Energy.Clocks;
using Litespark.Energy.Clocks.Live;
using Litespark.Energy.Nvml;
using Litespark.Energy.Profiles;
using Litespark.Tests.Energy.Nvml;

namespace Litespark.Tests.Energy.Clocks.Live;

/// <summary>
/// Profile, plan, live control and the saving by the energy counter, end to end through NVML's interface, on simulated GPUs
/// that run on while the driver changes their clocks. Simulated time: nothing here depends on this machine's speed.
/// </summary>
public sealed class SavingTests
{
    /// <summary>A step of phases that are bound by the core and by the memory in turn; megacycles.</summary>
    sealed record Step((string Phase, double Core, double Memory)[] Kernels, int[] Calls)
    {
        /// <summary>Kernels of some milliseconds, in runs long enough for a GPU whose driver takes some milliseconds.</summary>
        public static Step Of(double core, double memory, int run) => new(
            [("forward", 20 * core, 4 * memory), ("backward", 4 * core, 20 * memory), ("optimizer", core, 15 * memory)],
            [.. Enumerable.Repeat(0, run), .. Enumerable.Repeat(1, run), .. Enumerable.Repeat(0, run), .. Enumerable.Repeat(2, run)]);
    }

    static void Launch(StandInNvml nvml, Step step, int kernel) => nvml.Launch(0, step.Kernels[kernel].Core, step.Kernels[kernel].Memory);

    /// <summary>Each kernel over and over at each pair of clocks, by the GPU's own counter.</summary>
    static EnergyProfile Profile(StandInNvml nvml, IEnergyMeter meter, IClockControl control, Step step, ClockPair[] clocks, ClockSwitching switching)
    {
        Measurement Measure(int kernel, ClockPair pair)
        {
            control.Set(pair);
            nvml.Advance(0.1);
            nvml.Run(0, step.Kernels[kernel].Core, step.Kernels[kernel].Memory);
            EnergyWindow window = EnergyWindow.Begin(meter, nvml);
            int times = 0;
            for (long start = nvml.GetTimestamp(); nvml.GetElapsedTime(start) < TimeSpan.FromSeconds(20); times += 100)
            {
                for (int i = 0; i < 100; i++) Launch(nvml, step, kernel);
                nvml.Wait(0);
            }

            EnergyReading used = window.End();
            Assert.False(used.IsImprecise);
            return new Measurement(used.Seconds / times, used.Joules / times, 0, true);
        }

        ProfiledKernel[] kernels = [.. step.Kernels.Select((kernel, index) => new ProfiledKernel(new KernelInfo($"kernel {index}", kernel.Phase, "", 1, 1), [.. clocks.Select(pair => Measure(index, pair))]))];
        control.Set(ClockPair.Automatic);
        nvml.Advance(0.1);
        return new EnergyProfile
        {
            Subject = new ProfileSubject("simulated", 1, 1, 1, ""),
            Device = new ProfileDevice("cuda", "simulated", meter.Source, meter.Explanation, null),
            Clocks = clocks,
            Kernels = kernels,
            Parts = [new ProfiledPart("first_micro_batch", 1, step.Calls)],
            Switching = switching,
        };
    }

    /// <summary>Steps at clocks that a plan wants, or at automatic ones; joules by the counter.</summary>
    static (StepCost Cost, ClockApplier? Applier) Run(StandInNvml nvml, IEnergyMeter meter, Step step, int steps, ClockPlan? plan = null, IClockControl? control = null)
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

            foreach (int kernel in step.Calls) Launch(nvml, step, kernel);
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

    [GccTheory]
    [InlineData(StandInGpu.Rtx3080Ti, 0.040, 0.010, 60)]
    [InlineData(StandInGpu.H200, 0.0051, 0.0009, 20)]
    [InlineData(StandInGpu.Tomorrow, 0.000008, 0.000002, 1)]
    public void A_plan_saves_live_what_it_promised(object kind, double callSeconds, double settleSeconds, int run)
    {
        using var nvml = StandInNvml.Create((StandInGpu)kind);
        EnergyMeterOptions options = nvml.Options("0");
        using IEnergyMeter meter = EnergyMeters.Open(options);
        using NvmlClockControl control = NvmlClockControl.Open(options);
        Assert.Equal("nvml", meter.Source);

        // Kernels of some 5 to 20 ms on each.
        Step step = Step.Of(core: control.CoreClocks[^1] * 1e-3, memory: control.MemoryClocks[^1] * 1e-3, run);
        int highest = control.CoreClocks[^1];
        ClockPair[] clocks = [ClockPair.Automatic, .. new[] { 0.9, 0.8, 0.7, 0.6, 0.5 }.Select(share => new ClockPair(control.CoreClocks.Last(clock => clock <= share * highest), null))];
        var switching = new ClockSwitching(callSeconds, settleSeconds, 100, 1);
        EnergyProfile profile = Profile(nvml, meter, control, step, clocks, switching);
        ClockPlan plan = new ClockPlanner(profile, switching, changesAhead: true).MinimizeEnergy(PlanLevel.Region, 0.01);
        Assert.True(plan.Regions.Count >= 4, "clocks change within the step");

        int steps = (int)Math.Ceiling(30 / plan.Automatic.Seconds);
        (StepCost automatic, _) = Run(nvml, meter, step, steps);
        (StepCost live, ClockApplier? applier) = Run(nvml, meter, step, steps, plan, control);
        double promised = -plan.Predicted.JoulesOver(plan.Automatic), saved = -live.JoulesOver(automatic);
        Assert.True(promised > 0.05, $"promised {promised}");
        Assert.InRange(saved, promised - 0.02, promised + 0.02);
        Assert.InRange(live.SecondsOver(automatic), -0.01, 0.02);
        Assert.True(applier is { Missed: 0, Checked: > 10 });

        control.Dispose();
        nvml.Run(0, highest, 1);
        using NvmlLibrary library = NvmlLibrary.Open(nvml.FilePath);
        library.ByIndex(0, out nint device);
        nvml.Load(0, 0.1, 0.1);
        library.ClockInfo(device, NvmlClock.Graphics, out uint core);
        Assert.Equal((uint)highest, core);
    }
}
