using System.Text.Json.Nodes;
using Litespark.Recipes;
using Litespark.Training.Sparsity;
using static Litespark.Tests.Training.Sparsity.SmallModel;

namespace Litespark.Tests.Training.Sparsity;

public class SparsityControllerTests
{
    static string State(SparsityController controller) => controller.ToJson().ToJsonString();

    static SparsityController Restored(int seed, string state)
    {
        SparsityController controller = Controller(seed);
        controller.Restore(JsonNode.Parse(state)!.AsObject(), "test");
        return controller;
    }

    [Fact]
    public void A_run_resumed_anywhere_goes_on_identically() => Check(seed =>
    {
        SparsityController whole = Controller(seed);
        var states = new List<string> { State(whole) };
        for (int step = 1; step <= MaxSteps; step++)
        {
            Step(whole, step);
            states.Add(State(whole));
        }
        for (int start = new Random(seed).Next(7); start < MaxSteps; start += 7)
        {
            SparsityController resumed = Restored(seed, states[start]);
            // A later part of the run is covered by the next start.
            for (int step = start + 1; step <= Math.Min(start + 8, MaxSteps); step++)
            {
                Step(resumed, step);
                Assert.Equal(states[step], State(resumed));
            }
        }
    }, cases: 60);

    [Fact]
    public void Masks_depend_on_the_seed_and_not_on_the_order_of_the_weights() => Check(seed =>
    {
        SparsityController a = Controller(seed), b = Controller(seed, isReversed: true);
        for (int step = 1; step <= MaxSteps; step++)
        {
            Step(a, step);
            Step(b, step);
        }
        Assert.Equal(State(a), State(b));
    }, cases: 60);

    [Fact]
    public void Another_seed_gives_other_masks()
    {
        var weight = new SparseWeight("w", 64, 64, 4, 4);
        string[] masks = [.. Enumerable.Range(0, 20).Select(seed => new SparsityController(new() { Method = SparsityMethod.Static }, 10, seed, [weight]).Masks["w"].ToText())];
        Assert.Equal(20, masks.Distinct().Count());
    }

    [Fact]
    public void Budgets_are_met_at_every_topology_step_and_sparsity_is_monotone_through_ramps() => Check(seed =>
    {
        SparsitySection section = Section(seed);
        SparsityController controller = Controller(seed);
        SparseWeight[] weights = Weights(seed);
        for (int step = 1; step <= MaxSteps; step++)
        {
            SparseStep plan = controller.Next(step);
            int before = controller.Masks.Values.Sum(mask => mask.Live);
            TopologyChange? change = Step(controller, step);
            int after = controller.Masks.Values.Sum(mask => mask.Live);
            if (change is null)
            {
                Assert.Equal(before, after);
                continue;
            }
            int[] expected = LayerAllocation.LiveBlocks(weights, controller.Schedule.SparsityAt(step + 1), section.Allocation, section.MinDensity);
            Assert.Equal(expected, weights.Select(weight => controller.Masks[weight.Name].Live));
            Assert.Equal(after - before, change.Grown - change.Dropped);
            if (plan.Phase is SparsityPhase.DenseStart or SparsityPhase.WarmUp) Assert.True(after <= before);
            if (plan.Phase == SparsityPhase.Restoration) Assert.True(after >= before);
            foreach (SparseWeight weight in weights)
            {
                BlockMask mask = controller.Masks[weight.Name];
                Assert.Equal(Math.Max(0, weight.OutputLines - mask.Live), mask.DeadOutputLines);
            }
        }
        if (controller.Schedule.Phases.DenseFrom > MaxSteps) return;
        Assert.False(controller.IsSparse);
        Assert.Equal(1, controller.Density);
    });

    [Fact]
    public void What_a_step_is_is_known_before_it_runs() => Check(seed =>
    {
        SparsityController controller = Controller(seed);
        for (int step = 1; step <= MaxSteps; step++)
        {
            SparseStep plan = controller.Next(step);
            Assert.Equal(controller.Masks.Values.Any(mask => !mask.IsFull), plan.IsSparse);
            Assert.Equal((double)controller.Masks.Values.Sum(mask => mask.LiveElements) / controller.Masks.Values.Sum(mask => mask.Weight.Elements), plan.Density);
            if (plan.Phase is SparsityPhase.DenseStart or SparsityPhase.DenseEnd) Assert.False(plan.IsSparse);
            if (plan.NeedsGradients) Assert.True(plan.IsTopologyStep);
            if (!plan.IsTopologyStep) Assert.Throws<InvalidOperationException>(() => controller.Update(step, _ => default, _ => default));
            Step(controller, step);
        }
    }, cases: 100);

    [Fact]
    public void Next_allocates_nothing()
    {
        SparsityController controller = Controller(5);
        controller.Next(1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int step = 1; step <= MaxSteps; step++) controller.Next(step);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Random_growth_asks_for_no_gradients_and_changes_masks()
    {
        var controller = new SparsityController(new() { Method = SparsityMethod.Set, UpdateEverySteps = 5, DropFraction = 0.3 }, 100, 1, [new("w", 64, 64, 4, 4)]);
        Assert.False(controller.Next(5).NeedsGradients);
        TopologyChange change = controller.Update(5, _ => new float[256], _ => throw new InvalidOperationException("not needed"));
        Assert.Equal(["w"], change.Changed);
        Assert.InRange(change.Grown, 1, 7);
        Assert.Equal(change.Grown, change.Dropped);
        Assert.Equal(change.Grown / 26.0, change.Churn, 12);
    }

    static readonly SparsitySection automatic = new()
    {
        Method = SparsityMethod.Mst, PhaseChange = PhaseChange.Automatic, UpdateEverySteps = 5, DropFraction = 0.3, LossWindowSteps = 10, Patience = 2, LossSlopeThreshold = 5, ChurnThreshold = 0.1,
        DenseUntilStep = new(60), SparseFromStep = new(80), RestoreFromStep = new(150), DenseFromStep = new(170),
    };

    [Fact]
    public void A_flat_loss_ends_the_dense_start_and_settled_masks_end_the_ultra_sparse_phase()
    {
        var controller = new SparsityController(automatic, 200, 1, [new("w", 64, 64, 4, 4)]);
        for (int step = 1; step <= 200; step++)
        {
            SparseStep plan = controller.Next(step);
            // 10 nats per 1,000 steps until step 20, then flat: looks at 25 and 30, of which the first still sees some of the fall.
            controller.Observe(step, 4 - 0.01 * Math.Min(step, 20));
            if (plan.IsTopologyStep) controller.Update(step, _ => Ramp(256), _ => Ramp(256));
        }
        SparsityPhases phases = controller.Schedule.Phases;
        Assert.Equal((31, 51), (phases.DenseUntil, phases.SparseFrom));
        // What grows is what was dropped, but for the random quarter: churn is low from the first updates on.
        Assert.InRange(phases.RestoreFrom, 60, 149);
        Assert.Equal(20, phases.DenseFrom - phases.RestoreFrom);
        Assert.Equal(1, controller.Density);

        static float[] Ramp(int count) => [.. Enumerable.Range(0, count).Select(i => (float)i)];
    }

    [Fact]
    public void Without_a_sign_phases_end_at_their_steps()
    {
        var controller = new SparsityController(automatic with { ChurnThreshold = 0 }, 200, 1, [new("w", 64, 64, 4, 4)]);
        for (int step = 1; step <= 200; step++)
        {
            SparseStep plan = controller.Next(step);
            controller.Observe(step, step % 9 == 0 ? double.NaN : 4 - 0.01 * step);
            if (plan.IsTopologyStep) controller.Update(step, _ => new float[256], _ => new float[256]);
        }
        Assert.Equal(SparsityPhases.Of(automatic, 200), controller.Schedule.Phases);
    }

    [Fact]
    public void The_slope_is_that_of_least_squares()
    {
        Assert.Equal(-0.25, AutomaticPhases.Slope([3, 2.75, 2.5, 2.25]), 12);
        Assert.Equal(0.5, AutomaticPhases.Slope([0, 1, 1]), 12);
    }

    [Fact]
    public void State_of_another_run_is_refused_with_what_would_be_right()
    {
        SparseWeight weight = new("w", 64, 64, 4, 4), other = new("v", 64, 64, 4, 4);
        var section = new SparsitySection { Method = SparsityMethod.Static };
        JsonObject state = new SparsityController(section, 10, 1, [weight, other]).ToJson();
        Assert.Contains("test: w has blocks of 4 × 4, and now 8 × 8 are wanted; resume with sparsity.block_rows: 4", Refusal(state, other, weight with { BlockRows = 8, BlockColumns = 8 }));
        Assert.Contains("the mask of w is for a weight of 64 × 64, not 32 × 64", Refusal(state, other, weight with { Rows = 32 }));
        Assert.Contains("there is a mask of v, which is not sparse now", Refusal(state, weight));
        Assert.Contains("there is no mask of u", Refusal(state, weight, other, weight with { Name = "u" }));
        state["masks"]!["w"]!["live"] = 3;
        Assert.Contains("not of the expected form", Refusal(state, weight, other));
        Assert.Contains("not of the expected form", Refusal([], weight));

        string Refusal(JsonObject json, params SparseWeight[] weights) =>
            Assert.Throws<UserErrorException>(() => new SparsityController(section, 10, 1, weights).Restore(json, "test")).Message;
    }

    [Fact]
    public void State_without_automatic_changes_is_refused_where_they_are_wanted()
    {
        var weight = new SparseWeight("w", 64, 64, 4, 4);
        JsonObject state = new SparsityController(automatic with { PhaseChange = PhaseChange.Steps }, 200, 1, [weight]).ToJson();
        Assert.Contains("sparsity.phase_change: steps", Assert.Throws<UserErrorException>(() => new SparsityController(automatic, 200, 1, [weight]).Restore(state, "test")).Message);
    }
}
