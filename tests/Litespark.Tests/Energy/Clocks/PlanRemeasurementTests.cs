using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;
using Litespark.Tests.Energy.Paper;

namespace Litespark.Tests.Energy.Clocks;

/// <summary>A search among noisy measurements promises too much; measuring again finds out.</summary>
public sealed class PlanRemeasurementTests
{
    /// <summary>The paper's step on the simulated GPU, measured with noise: "energy noise ≫ time noise" (section 6).</summary>
    sealed class Noisy(int seed, double timeNoise, double energyNoise)
    {
        readonly Random random = new(seed);
        readonly PaperKernel[] kernels = PaperStep.Kernels();

        public Measurement Measure(int kernel, ClockPair clocks)
        {
            StepCost truth = Calibration.Gpu.Run(kernels[kernel], clocks);
            return new Measurement(truth.Seconds * (1 + (timeNoise * Normal())), truth.Joules * (1 + (energyNoise * Normal())), 0, true);
        }

        public EnergyProfile Profile() => SmallProfile.Of(
            PaperTable.Grid,
            [.. kernels.Select(kernel => new ProfiledKernel(new KernelInfo(kernel.Name, kernel.Phase, "", kernel.Flops, kernel.Bytes), [.. PaperTable.Grid.Select(clocks => Measure(kernel.Number, clocks))]))],
            PaperStep.Parts);

        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }

    static double Saving(StepCost cost, StepCost automatic) => -cost.JoulesOver(automatic);

    [Fact]
    public void A_search_among_noise_promises_more_than_there_is_and_measuring_again_does_not()
    {
        EnergyProfile exact = new Noisy(0, 0, 0).Profile();
        var judge = new ClockPlanner(exact);
        double truth = Saving(judge.MinimizeEnergy(PlanLevel.Kernel, 0).Predicted, judge.Automatic);
        (double searched, double again, double real) = (0, 0, 0);
        const int Trials = 3;
        for (int seed = 0; seed < Trials; seed++)
        {
            var noisy = new Noisy(seed, timeNoise: 0.002, energyNoise: 0.015);
            EnergyProfile profile = noisy.Profile();
            ClockPlan naive = new ClockPlanner(profile).MinimizeEnergy(PlanLevel.Kernel, 0);
            ClockPlan plan = PlanRemeasurement.Run(profile, planner => planner.MinimizeEnergy(PlanLevel.Kernel, 0), noisy.Measure);
            searched += Saving(naive.Predicted, naive.Automatic) / Trials;
            again += Saving(plan.Remeasured!.Planned, plan.Remeasured.Automatic) / Trials;
            real += Saving(judge.CostOf(plan), judge.Automatic) / Trials;
            Assert.InRange(plan.Remeasured.Rounds, 2, 20);
            Assert.True(plan.Remeasured.Confirms(plan));
        }

        Assert.True(searched > truth + 0.005, $"searched {searched}, truth {truth}");
        Assert.InRange(again, real - 0.005, real + 0.005);
        Assert.True(searched - real > 2 * Math.Abs(again - real));
    }

    [Fact]
    public void A_saving_that_was_only_noise_is_refused()
    {
        EnergyProfile profile = SmallProfile.Of(
            [ClockPair.Automatic, new ClockPair(1500, null)],
            [new ProfiledKernel(new KernelInfo("a", "forward", "", 0, 0), [new Measurement(1, 100, 0, true), new Measurement(1, 90, 0, true)])], [new ProfiledPart("first_micro_batch", 1, [0])]);
        ClockPlan plan = PlanRemeasurement.Run(profile, planner => planner.MinimizeEnergy(PlanLevel.Static, 0), (_, clocks) => new Measurement(1, clocks.IsAutomatic ? 100 : 101, 0, true));
        Assert.True(plan.Regions[0].Clocks.IsAutomatic);
        Assert.False(plan.Remeasured!.Confirms(plan));
        Assert.Equal(plan.Remeasured.Automatic, plan.Remeasured.Planned);
    }

    [Fact]
    public void A_point_whose_clocks_no_longer_hold_is_not_chosen()
    {
        EnergyProfile profile = SmallProfile.Of(
            [ClockPair.Automatic, new ClockPair(1500, null), new ClockPair(1000, null)],
            [new ProfiledKernel(new KernelInfo("a", "forward", "", 0, 0), [new Measurement(1, 100, 0, true), new Measurement(1, 80, 0, true), new Measurement(1, 90, 0, true)])],
            [new ProfiledPart("first_micro_batch", 1, [0])]);
        ClockPlan plan = PlanRemeasurement.Run(profile, planner => planner.MinimizeEnergy(PlanLevel.Static, 0), (_, clocks) => clocks.CoreMegahertz == 1500 ? null : new Measurement(1, clocks.IsAutomatic ? 100 : 91, 0, true));
        Assert.Equal(new ClockPair(1000, null), plan.Regions[0].Clocks);
        Assert.Equal(91, plan.Remeasured!.Planned.Joules);
    }
}
