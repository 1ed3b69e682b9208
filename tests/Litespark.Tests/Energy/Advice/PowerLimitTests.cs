using Litespark.Energy.Advice;
using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;
using Litespark.Tests.Energy.Simulation;
using Xunit.Abstractions;

namespace Litespark.Tests.Energy.Advice;

/// <summary>What the advice predicts from a profile over core clocks beside what simulated GPUs do under such limits.</summary>
public sealed class PowerLimitTests(ITestOutputHelper output)
{
    /// <summary>Of time and of energy, between core clocks 105 MHz apart.</summary>
    const double Tolerance = 0.01;

    /// <summary>Steps under a limit until the chip is warm, then a minute that counts.</summary>
    static StepCost Run(GpuPhysics physics, double limit)
    {
        var gpu = new SimulatedGpu(physics with { LimitWatts = limit });
        var step = new SimulatedStep(physics.Name, SimulatedStep.Small, SimulatedStep.SmallParts, gpu.Run);
        int steps = 0;
        void For(double seconds)
        {
            for (long end = gpu.GetTimestamp() + (long)(seconds * 1e9); gpu.GetTimestamp() < end; steps++) step.RunSteps(1);
        }

        For(120);
        (long start, double joules) = (gpu.GetTimestamp(), gpu.TrueJoules);
        steps = 0;
        For(60);
        return new StepCost((gpu.GetTimestamp() - start) * 1e-9 / steps, (gpu.TrueJoules - joules) / steps);
    }

    public static TheoryData<string> Gpus => [nameof(GpuPhysics.H200), nameof(GpuPhysics.Rtx3080Ti)];

    [Theory]
    [MemberData(nameof(Gpus))]
    public void A_limit_does_what_the_advice_predicts(string name)
    {
        GpuPhysics physics = name == nameof(GpuPhysics.H200) ? GpuPhysics.H200 : GpuPhysics.Rtx3080Ti;
        var gpu = new SimulatedGpu(physics);
        var step = new SimulatedStep(physics.Name, SimulatedStep.Small, SimulatedStep.SmallParts, gpu.Run);
        ClockPair[] grid = [.. Enumerable.Range(0, (int)((physics.CoreMax - physics.CoreMin) / 105)).Select(i => new ClockPair((int)physics.CoreMax - (105 * i), null))];
        EnergyProfile profile = new EnergyProfiler(step, gpu, gpu, ProfilerSettings.Of(TimeSpan.FromSeconds(20)), null, gpu, gpu.Advance).Run(grid);
        IReadOnlyList<AdviceOption> limits = PowerLimits.Of(profile, 50);
        Assert.True(limits.Count >= 4);
        Assert.True(limits[^1].Cost.Seconds > 1.3 * limits[0].Cost.Seconds, "the lowest limits bite");
        foreach (AdviceOption limit in limits)
        {
            StepCost real = Run(physics, limit.Setting);
            output.WriteLine($"{name} {limit.Setting} W: predicted {limit.Cost.Seconds * 1e3:F3} ms {limit.Cost.Joules:F3} J, simulated {real.Seconds * 1e3:F3} ms {real.Joules:F3} J: {limit.Cost.SecondsOver(real):+0.0%;-0.0%} {limit.Cost.JoulesOver(real):+0.0%;-0.0%}");
            Assert.InRange(limit.Cost.SecondsOver(real), -Tolerance, Tolerance);
            Assert.InRange(limit.Cost.JoulesOver(real), -Tolerance, Tolerance);
        }
    }
}
