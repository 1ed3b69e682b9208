using FsCheck;
using FsCheck.Fluent;
using Litespark.Recipes;
using Litespark.Training.Sparsity;

namespace Litespark.Tests.Training.Sparsity;

/// <summary>Made-up weights and magnitudes, and recipes of sparse training, all from a seed, so that a failing case is one number.</summary>
internal static class SmallModel
{
    /// <summary>One to six weights, blocks that do or do not divide them, inputs first or not.</summary>
    public static SparseWeight[] Weights(int seed)
    {
        var random = new Random(seed);
        (int blockRows, int blockColumns) = (random.Next(1, 9), random.Next(1, 9));
        return [.. Enumerable.Range(0, random.Next(1, 7)).Select(i =>
            new SparseWeight($"layers.{i}.weight", random.Next(1, 70), random.Next(1, 70), blockRows, blockColumns, random.Next(2) == 0))];
    }

    /// <summary>Any method with phases and updates that fit a short run.</summary>
    public static SparsitySection Section(int seed)
    {
        var random = new Random(~seed);
        var method = (SparsityMethod)random.Next(1, 5);
        var section = new SparsitySection
        {
            Method = method,
            Sparsity = random.Next(100) / 100.0,
            Allocation = (SparsityAllocation)random.Next(2),
            UpdateEverySteps = random.Next(1, 12),
            DropFraction = random.Next(1, 11) / 10.0,
            GradientGrowthShare = random.Next(5) / 4.0,
        };
        section = section with { MinDensity = random.Next(2) * random.NextDouble() * (1 - section.Sparsity) };
        if (method != SparsityMethod.Mst) return section;
        int[] steps = [.. Enumerable.Range(0, 4).Select(_ => random.Next(0, MaxSteps)).Order()];
        return section with
        {
            Schedule = (SparsityRamp)random.Next(3),
            Growth = (BlockGrowth)random.Next(3),
            DenseUntilStep = new(steps[0]), SparseFromStep = new(steps[1]), RestoreFromStep = new(steps[2]), DenseFromStep = new(steps[3]),
            PhaseChange = (PhaseChange)random.Next(2), LossWindowSteps = random.Next(2, 9), Patience = random.Next(1, 3), LossSlopeThreshold = 20, ChurnThreshold = 0.2,
        };
    }

    /// <summary>Steps of a run.</summary>
    public const int MaxSteps = 120;

    /// <summary>A controller, with the weights in any order.</summary>
    public static SparsityController Controller(int seed, bool isReversed = false)
    {
        SparseWeight[] weights = Weights(seed);
        if (isReversed) Array.Reverse(weights);
        return new SparsityController(Section(seed), MaxSteps, seed & 0xFFFF, weights);
    }

    /// <summary>Magnitudes with ties among them, the same for the same step and weight.</summary>
    public static float[] Norms(SparsityController controller, string name, int step, int kind)
    {
        var random = new Random(HashCode.Combine(step, kind, name.Length, name[7]));
        return [.. Enumerable.Range(0, controller.Masks[name].Weight.Blocks).Select(_ => random.Next(40) / 8f)];
    }

    /// <summary>One step of training: a loss that falls ever more slowly, and new masks where it is time.</summary>
    public static TopologyChange? Step(SparsityController controller, int step)
    {
        SparseStep plan = controller.Next(step);
        controller.Observe(step, 3 / Math.Sqrt(step));
        if (!plan.IsTopologyStep) return null;
        return controller.Update(step, name => Norms(controller, name, step, 1), name =>
        {
            Assert.True(plan.NeedsGradients);
            return Norms(controller, name, step, 2);
        });
    }

    /// <summary>Checks a property for many seeds.</summary>
    public static void Check(Action<int> property, int cases = 300) => Prop.ForAll(ArbMap.Default.ArbFor<int>(), property).Check(Config.QuickThrowOnFailure.WithMaxTest(cases));
}
