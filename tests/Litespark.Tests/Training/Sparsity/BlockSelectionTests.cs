using Litespark.Training.Sparsity;

namespace Litespark.Tests.Training.Sparsity;

public class BlockSelectionTests
{
    sealed class Listed(uint[] keys, bool[] candidates) : IBlockKeys
    {
        public bool Contains(int block) => candidates[block];
        public uint KeyOf(int block) => keys[block];
    }

    [Fact]
    public void The_chosen_are_those_that_sorting_would_choose() => SmallModel.Check(seed =>
    {
        var random = new Random(seed);
        int blocks = random.Next(1, 200);
        // Few different keys, so that ties happen in either half of the bits.
        uint[] keys = [.. Enumerable.Range(0, blocks).Select(_ => ((uint)random.Next(4) << 16 << random.Next(2) * 14) | (uint)random.Next(3) * 0x7FFF)];
        bool[] candidates = [.. keys.Select(_ => random.Next(4) > 0)];
        int[] sorted = [.. Enumerable.Range(0, blocks).Where(block => candidates[block]).OrderBy(block => keys[block])];
        int count = random.Next(sorted.Length + 1);
        var taken = new List<int>();
        BlockSelection.TakeSmallest(blocks, count, new Listed(keys, candidates), taken.Add);
        Assert.Equal(sorted.Take(count).Order(), taken);
    });

    [Fact]
    public void More_than_there_are_cannot_be_chosen() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockSelection.TakeSmallest(2, 2, new Listed([1, 2], [true, false]), _ => { }));
}
