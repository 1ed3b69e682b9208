using Litespark.Training.Sparsity;

namespace Litespark.Tests.Training.Sparsity;

public class BlockMaskTests
{
    static BlockMask Random(SparseWeight weight, int seed)
    {
        var random = new Random(seed);
        var mask = new BlockMask(weight);
        for (int block = 0; block < weight.Blocks; block++)
            if (random.Next(3) == 0) mask.Revive(block);
        return mask;
    }

    [Fact]
    public void Counts_are_those_of_its_bits() => SmallModel.Check(seed =>
    {
        foreach (SparseWeight weight in SmallModel.Weights(seed))
        {
            BlockMask mask = Random(weight, seed);
            int[] live = [.. Enumerable.Range(0, weight.Blocks).Where(block => mask[block])];
            Assert.Equal(live.Length, mask.Live);
            Assert.Equal(live.Sum(block => (long)weight.ElementsOf(block)), mask.LiveElements);
            Assert.Equal(weight.OutputLines - live.Select(weight.OutputLineOf).Distinct().Count(), mask.DeadOutputLines);
            Assert.Equal(weight.Elements, BlockMask.Full(weight).LiveElements);
            Assert.Equal(weight.Blocks - live.Length, BlockMask.Full(weight).CountNotIn(mask));
        }
    });

    [Fact]
    public void Its_text_reads_back_as_the_same_mask() => SmallModel.Check(seed =>
    {
        foreach (SparseWeight weight in SmallModel.Weights(seed))
        {
            BlockMask mask = Random(weight, seed), again = BlockMask.FromText(weight, mask.ToText());
            Assert.Equal((mask.Live, 0, 0), (again.Live, mask.CountNotIn(again), again.CountNotIn(mask)));
        }
    });

    [Fact]
    public void Its_text_has_the_first_block_in_the_lowest_bit()
    {
        var weight = new SparseWeight("w", 2, 6, 1, 1);
        var mask = new BlockMask(weight);
        mask.Revive(0);
        mask.Revive(9);
        Assert.Equal(Convert.ToBase64String([1, 2]), mask.ToText());
        Assert.Equal("all", BlockMask.Full(weight).ToText());
    }

    [Theory]
    [InlineData("AQ==")]
    [InlineData("AQIA")]
    [InlineData("ARI=")]
    [InlineData("not base 64")]
    public void A_text_of_something_else_is_refused(string text) => Assert.Throws<FormatException>(() => BlockMask.FromText(new SparseWeight("w", 2, 6, 1, 1), text));

    [Fact]
    public void Killing_and_reviving_twice_counts_once()
    {
        var mask = new BlockMask(BlockMask.Full(new SparseWeight("w", 4, 4, 1, 1)));
        mask.Kill(3);
        mask.Kill(3);
        Assert.Equal(15, mask.Live);
        mask.Revive(3);
        mask.Revive(3);
        Assert.True(mask.IsFull);
    }
}
