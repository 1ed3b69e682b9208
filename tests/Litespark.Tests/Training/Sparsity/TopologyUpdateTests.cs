using Litespark.Training.Sparsity;

namespace Litespark.Tests.Training.Sparsity;

public class TopologyUpdateTests
{
    static readonly BlockRandom anyRandom = new(1, 2, "w");

    static BlockMask Mask(SparseWeight weight, params int[] live)
    {
        var mask = new BlockMask(weight);
        foreach (int block in live) mask.Revive(block);
        return mask;
    }

    static int[] Live(BlockMask mask) => [.. Enumerable.Range(0, mask.Weight.Blocks).Where(block => mask[block])];

    [Fact]
    public void The_smallest_weights_make_room_for_the_largest_gradients()
    {
        var row = new SparseWeight("w", 1, 8, 1, 1);
        BlockMask mask = Mask(row, 0, 1, 2, 3);
        float[] weights = [4, 1, 3, 2, 99, 99, 99, 99], gradients = [0, 0, 0, 0, 1, 5, 3, 5];
        Assert.Equal([0, 2, 5, 7], Live(TopologyUpdate.Next(mask, new TopologyRule(4, 0.5, 1), weights, gradients, anyRandom)));
        // Rising sparsity: three go, one comes. Falling: one goes, three come.
        Assert.Equal([0, 5], Live(TopologyUpdate.Next(mask, new TopologyRule(2, 0.75, 1), weights, gradients, anyRandom)));
        Assert.Equal([0, 2, 3, 5, 6, 7], Live(TopologyUpdate.Next(mask, new TopologyRule(6, 0.25, 1), weights, gradients, anyRandom)));
        Assert.Equal([0, 1, 2, 3], Live(mask));
    }

    [Fact]
    public void A_dropped_block_may_grow_again_and_of_equal_ones_the_first_counts()
    {
        var row = new SparseWeight("w", 1, 4, 1, 1);
        Assert.Equal([0, 1, 2], Live(TopologyUpdate.Next(Mask(row, 0, 1, 2), new TopologyRule(3, 0.5, 1), [1, 1, 2, 0], [9, 0, 0, 1], anyRandom)));
        Assert.Equal([1, 2, 3], Live(TopologyUpdate.Next(Mask(row, 0, 1, 2), new TopologyRule(3, 0.5, 1), [1, 1, 2, 0], [0, 0, 0, 1], anyRandom)));
        Assert.Equal([0, 1, 2], Live(TopologyUpdate.Next(Mask(row, 0, 1, 2), new TopologyRule(3, 0.5, 1), [1, 1, 2, 0], [0, 0, 0, 0], anyRandom)));
    }

    [Fact]
    public void The_last_block_of_an_output_stays_and_a_dead_output_gets_one()
    {
        // Two outputs of four blocks; the second output's blocks are the smallest.
        var weight = new SparseWeight("w", 2, 4, 1, 1);
        float[] magnitudes = [9, 8, 7, 6, 1, 1, 0, 0], gradients = [0, 0, 0, 0, 0, 0, 1, 2];
        BlockMask dropped = TopologyUpdate.Next(Mask(weight, 0, 1, 2, 3, 4, 5), new TopologyRule(2, 0, 1), magnitudes, gradients, anyRandom);
        Assert.Equal([0, 4], Live(dropped));
        // Gradients are largest in the first output, but the second has nothing.
        Assert.Equal([0, 7], Live(TopologyUpdate.Next(Mask(weight, 0), new TopologyRule(2, 0, 1), magnitudes, [0, 50, 50, 50, 0, 0, 1, 2], anyRandom)));
        // The same with inputs first, where a column is an output.
        var turned = new SparseWeight("w", 4, 2, 1, 1, InputsFirst: true);
        Assert.Equal([0, 7], Live(TopologyUpdate.Next(Mask(turned, 0), new TopologyRule(2, 0, 1), magnitudes, [0, 0, 50, 0, 50, 1, 50, 2], anyRandom)));
    }

    [Fact]
    public void Mixed_growth_takes_three_quarters_by_gradient()
    {
        var row = new SparseWeight("w", 1, 1000, 1, 1);
        float[] gradients = [.. Enumerable.Range(0, 1000).Select(block => (float)block)];
        BlockMask next = TopologyUpdate.Next(Mask(row, 0), new TopologyRule(101, 0, 0.75), new float[1000], gradients, anyRandom);
        int[] live = Live(next);
        Assert.Equal(Enumerable.Range(925, 75), live[^75..]);
        // 25 of 924 at random: not the first, and not in a row.
        Assert.Equal(26, live.Count(block => block < 925));
        Assert.InRange(live[1..26].Average(), 200, 700);
    }

    [Fact]
    public void Random_masks_have_every_block_with_the_same_chance()
    {
        var weight = new SparseWeight("w", 4, 8, 1, 1);
        int[] counts = new int[weight.Blocks];
        for (int seed = 0; seed < 4000; seed++)
            foreach (int block in Live(TopologyUpdate.Random(weight, 8, new BlockRandom(seed, 0, "w")))) counts[block]++;
        // A quarter of 4,000 with a deviation of 27.
        Assert.All(counts, count => Assert.InRange(count, 860, 1140));
    }

    [Fact]
    public void Counts_are_exact_and_no_output_is_dead_where_the_budget_allows_it() => SmallModel.Check(seed =>
    {
        var random = new Random(seed);
        foreach (SparseWeight weight in SmallModel.Weights(seed))
        {
            BlockMask mask = TopologyUpdate.Random(weight, random.Next(weight.Blocks + 1), new BlockRandom(seed, 0, weight.Name));
            for (int step = 1; step <= 8; step++)
            {
                float[] weights = [.. Enumerable.Range(0, weight.Blocks).Select(_ => (float)random.Next(9))], gradients = [.. weights.Select(_ => (float)random.Next(9))];
                var rule = new TopologyRule(random.Next(weight.Blocks + 1), random.Next(11) / 10.0, random.Next(5) / 4.0);
                BlockMask next = TopologyUpdate.Next(mask, rule, weights, gradients, new BlockRandom(seed, step, weight.Name));
                Assert.Equal(rule.TargetLive, next.Live);
                Assert.Equal(Live(next).Length, next.Live);
                Assert.Equal(Math.Max(0, weight.OutputLines - next.Live), next.DeadOutputLines);
                Assert.True(mask.CountNotIn(next) <= Math.Max((int)(mask.Live * rule.DropFraction), mask.Live - rule.TargetLive));
                BlockMask again = TopologyUpdate.Next(mask, rule, weights, gradients, new BlockRandom(seed, step, weight.Name));
                Assert.Equal(next.ToText(), again.ToText());
                mask = next;
            }
        }
    });

    [Fact]
    public void Magnitudes_of_another_weight_are_refused()
    {
        BlockMask mask = Mask(new SparseWeight("w", 1, 8, 1, 1), 0, 1);
        Assert.Throws<ArgumentException>(() => TopologyUpdate.Next(mask, new TopologyRule(2, 0.5, 1), new float[7], new float[8], anyRandom));
        Assert.Throws<ArgumentException>(() => TopologyUpdate.Next(mask, new TopologyRule(2, 0.5, 1), new float[8], [], anyRandom));
    }
}
