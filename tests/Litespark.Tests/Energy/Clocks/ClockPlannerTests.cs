using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;

namespace Litespark.Tests.Energy.Clocks;

/// <summary>Plans against all plans there are, and what must hold of every plan.</summary>
public sealed class ClockPlannerTests
{
    const double Rounding = 1e-9;

    static void Same(double expected, double actual) => Assert.InRange(actual, expected * (1 - Rounding), expected * (1 + Rounding));

    static int[][] Groups(StepModel model, PlanLevel level)
    {
        int[] kernels = [.. Enumerable.Range(0, model.Counts.Length)];
        return level switch
        {
            PlanLevel.Static => [kernels],
            PlanLevel.Pass or PlanLevel.PassLocal => [.. kernels.GroupBy(kernel => model.Phases[kernel]).Select(group => group.ToArray())],
            _ => [.. kernels.Select(kernel => new[] { kernel })],
        };
    }

    [Theory]
    [InlineData(PlanLevel.Static)]
    [InlineData(PlanLevel.Pass)]
    [InlineData(PlanLevel.Kernel)]
    public void Plans_for_the_whole_step_are_the_best_there_are(PlanLevel level) => SmallProfile.Check((profile, tau) =>
    {
        var model = new StepModel(profile);
        ClockPlan plan = new ClockPlanner(profile).MinimizeEnergy(level, tau);
        Same(BruteForce.Best(model, Groups(model, level), (1 + tau) * model.Automatic.Seconds, cost => cost.Joules), plan.Predicted.Joules);
        Same(plan.Predicted.Joules, plan.LowerBound);
        ClockPlan product = new ClockPlanner(profile).MinimizeEnergyDelay(level);
        Same(BruteForce.Best(model, Groups(model, level), double.PositiveInfinity, cost => cost.EnergyDelay), product.Predicted.EnergyDelay);
        Same(product.Predicted.EnergyDelay, product.LowerBound);
    });

    [Theory]
    [InlineData(PlanLevel.PassLocal)]
    [InlineData(PlanLevel.KernelLocal)]
    public void Local_plans_are_the_best_for_every_part(PlanLevel level) => SmallProfile.Check((profile, tau) =>
    {
        var model = new StepModel(profile);
        ClockPlan plan = new ClockPlanner(profile).MinimizeEnergy(level, tau);
        double joules = 0;
        foreach (int[] group in Groups(model, level))
        {
            // A model of this group's calls alone.
            EnergyProfile part = profile with { Parts = [.. profile.Parts.Select(p => p with { Calls = [.. p.Calls.Where(group.Contains)] })] };
            var alone = new StepModel(part);
            joules += BruteForce.Best(alone, [group, .. Groups(alone, PlanLevel.Kernel).Where(kernel => !group.Contains(kernel[0]))], (1 + tau) * alone.Automatic.Seconds, cost => cost.Joules);
        }

        Same(joules, plan.Predicted.Joules);
    });

    [Theory]
    [InlineData(false, 0)]
    [InlineData(false, 0.1)]
    [InlineData(false, 2)]
    [InlineData(true, 0.1)]
    [InlineData(true, 2)]
    [InlineData(true, 100)]
    public void Regions_are_the_best_there_are_with_what_changes_cost(bool ahead, double callSeconds) => SmallProfile.Check((profile, tau) =>
    {
        var model = new StepModel(profile);
        foreach (double watts in new[] { 0, 40 })
        {
            var switching = new ClockSwitching(callSeconds / 2, callSeconds / 10, watts, Gpus: 2);
            var planner = new ClockPlanner(profile, switching, ahead);
            ClockPlan plan = planner.MinimizeEnergy(PlanLevel.Region, tau);
            double best = BruteForce.BestPath(model, switching, ahead, (1 + tau) * model.Automatic.Seconds, cost => cost.Joules);
            Same(best, plan.Predicted.Joules);
            Same(best, plan.LowerBound);
            ClockPlan product = planner.MinimizeEnergyDelay(PlanLevel.Region);
            Same(BruteForce.BestPath(model, switching, ahead, double.PositiveInfinity, cost => cost.EnergyDelay), product.Predicted.EnergyDelay);
            if (!ahead) Same(planner.WithChanges(plan)!.Value.Joules, plan.Predicted.Joules);
        }
    }, cases: 100);

    [Fact]
    public void No_plan_is_over_budget_or_worse_than_automatic_and_more_time_never_costs_energy() => SmallProfile.Check((profile, tau) =>
    {
        var planner = new ClockPlanner(profile, new ClockSwitching(0.05, 0.01, 30, 1));
        foreach (PlanLevel level in planner.Levels)
        {
            ClockPlan plan = planner.MinimizeEnergy(level, tau), slower = planner.MinimizeEnergy(level, tau + 0.05);
            Assert.True(plan.Predicted.Seconds <= (1 + tau) * planner.Automatic.Seconds * (1 + Rounding), $"{level} is over its budget");
            Assert.True(plan.Predicted.Joules <= planner.Automatic.Joules * (1 + Rounding), $"{level} is worse than automatic");
            Assert.True(slower.Predicted.Joules <= plan.Predicted.Joules * (1 + Rounding), $"{level} takes more energy in more time");
            Assert.True(plan.LowerBound <= plan.Predicted.Joules);
            Assert.True(planner.MinimizeEnergyDelay(level).Predicted.EnergyDelay <= planner.Automatic.EnergyDelay * (1 + Rounding));
        }
    });

    [Fact]
    public void Finer_levels_are_never_worse_than_coarser_ones() => SmallProfile.Check((profile, tau) =>
    {
        var planner = new ClockPlanner(profile, new ClockSwitching(0.05, 0.01, 30, 1));
        double Joules(PlanLevel level) => planner.MinimizeEnergy(level, tau).Predicted.Joules;
        void NotWorse(PlanLevel finer, PlanLevel coarser) => Assert.True(Joules(finer) <= Joules(coarser) * (1 + Rounding), $"{finer} is worse than {coarser}");
        NotWorse(PlanLevel.Pass, PlanLevel.Static);
        NotWorse(PlanLevel.Pass, PlanLevel.PassLocal);
        NotWorse(PlanLevel.Kernel, PlanLevel.Pass);
        NotWorse(PlanLevel.Kernel, PlanLevel.KernelLocal);
        NotWorse(PlanLevel.Region, PlanLevel.Static);
    });

    [Fact]
    public void Changes_for_nothing_let_regions_do_what_kernels_can()
    {
        SmallProfile.Check((profile, tau) =>
        {
            if (profile.Kernels.Any(kernel => kernel.Points.Any(point => point is null))) return;
            var planner = new ClockPlanner(profile, ClockSwitching.Free);
            // Calls of one kernel may differ, so regions can only be better.
            Assert.True(planner.MinimizeEnergy(PlanLevel.Region, tau).Predicted.Joules <= planner.MinimizeEnergy(PlanLevel.Kernel, tau).Predicted.Joules * (1 + Rounding));
        });
    }

    [Fact]
    public void Regions_cover_every_call_in_order_and_start_when_the_ones_before_end() => SmallProfile.Check((profile, tau) =>
    {
        var planner = new ClockPlanner(profile, new ClockSwitching(0.05, 0.01, 30, 1));
        foreach (PlanLevel level in planner.Levels)
        {
            ClockPlan plan = planner.MinimizeEnergy(level, tau);
            Assert.Equal(profile.Sequence.Count(), plan.Calls);
            Assert.Equal(plan.Calls, plan.Regions.Sum(region => region.Calls));
            Assert.Equal(plan.Regions.Take(plan.Regions.Count - 1).Select(region => region.FirstCall + region.Calls), plan.Regions.Skip(1).Select(region => region.FirstCall));
            Assert.All(plan.Regions.Zip(plan.Regions.Skip(1)), pair => Assert.True(pair.First.Clocks != pair.Second.Clocks && pair.First.StartSeconds < pair.Second.StartSeconds));
        }
    });

    [Fact]
    public void A_large_knapsack_is_solved_or_says_how_far_it_may_be_from_the_best()
    {
        var random = new Random(5);
        ChoiceGroup[] groups = [.. Enumerable.Range(0, 60).Select(_ => new ChoiceGroup(Enumerable.Range(0, 40).Select(
            clocks => new ClockOption(clocks, 1 + random.NextDouble(), 100 + (100 * random.NextDouble())))))];
        double budget = groups.Sum(group => group.Options[0].Seconds) * 1.2;
        Choice best = ChoiceSolver.Minimize(groups, budget)!;
        Assert.True(best.Cost.Seconds <= budget * (1 + Rounding));
        Same(best.Cost.Joules, best.LowerBound);
        Choice hurried = ChoiceSolver.Minimize(groups, budget, labelLimit: 3)!;
        Assert.True(hurried.LowerBound <= best.Cost.Joules && best.Cost.Joules <= hurried.Cost.Joules * (1 + Rounding));
        Assert.True(hurried.Cost.Joules < hurried.LowerBound * 1.001);
        Assert.Null(ChoiceSolver.Minimize(groups, groups.Sum(group => group.Options[0].Seconds) * 0.99));
    }

    [Fact]
    public void Calls_to_the_driver_serialise_over_gpus()
    {
        var switching = new ClockSwitching(0.0055, 0.0009, 1000, Gpus: 8);
        Assert.Equal((8 * 0.0055) + 0.0009, switching.Seconds(1), 12);
        Assert.Equal((16 * 0.0055) + 0.0009, switching.Seconds(2), 12);
        Assert.Equal(0, switching.Seconds(0));
        Assert.Equal(44.9, switching.Joules(1), 9);
    }

    [Fact]
    public void Nothing_is_planned_without_measured_energy_or_known_changes()
    {
        EnergyProfile profile = SmallProfile.Random(1);
        UserErrorException error = Assert.Throws<UserErrorException>(() => new ClockPlanner(profile with { Switching = null }).MinimizeEnergy(PlanLevel.Region, 0));
        Assert.Contains("--switch-ms", error.Message);
        Assert.DoesNotContain(PlanLevel.Region, new ClockPlanner(profile with { Switching = null }).Levels);
        ProfiledKernel[] timed = [.. profile.Kernels.Select(kernel => kernel with { Points = [.. kernel.Points.Select(point => point is null ? null : point with { Joules = null })] })];
        error = Assert.Throws<UserErrorException>(() => new ClockPlanner(profile with { Kernels = timed }));
        Assert.Contains("no measured energy", error.Message);
    }
}
