using Litespark.Planning;

namespace Litespark.Tests.Planning;

public class ArenaAllocatorTests
{
    [Fact]
    public void Blocks_that_live_at_one_time_never_overlap_in_space()
    {
        var random = new Random(5);
        for (int trial = 0; trial < 300; trial++)
        {
            StoragePlanner.Block[] blocks = [.. Enumerable.Range(0, 1 + random.Next(40)).Select(_ => Block(random))];
            long size = ArenaAllocator.Place(blocks);
            foreach (StoragePlanner.Block block in blocks)
            {
                Assert.Equal(0, block.Offset % PersistentLayout.Alignment);
                Assert.True(block.Offset >= 0 && block.Offset + block.Bytes <= size);
                foreach (StoragePlanner.Block other in blocks)
                {
                    if (other == block || other.Last < block.First || block.Last < other.First) continue;
                    Assert.True(other.Offset >= block.Offset + block.Bytes || block.Offset >= other.Offset + other.Bytes);
                }
            }

            Assert.InRange(size, Enumerable.Range(0, 40).Max(time => AliveAt(blocks, time)), blocks.Sum(block => PersistentLayout.Align(block.Bytes)));
        }
    }

    [Fact]
    public void Blocks_that_follow_each_other_share_one_place()
    {
        StoragePlanner.Block[] blocks = [.. Enumerable.Range(0, 10).Select(i => new StoragePlanner.Block { Rows = 4, Columns = 16, ElementSize = 4, First = 2 * i, Last = 2 * i + 1 })];
        Assert.Equal(256, ArenaAllocator.Place(blocks));
    }

    static StoragePlanner.Block Block(Random random)
    {
        int first = random.Next(30);
        return new StoragePlanner.Block { Rows = 1 + random.Next(50), Columns = 1 + random.Next(20), ElementSize = 4, First = first, Last = first + random.Next(10) };
    }

    static long AliveAt(StoragePlanner.Block[] blocks, int time)
        => blocks.Where(block => block.First <= time && time <= block.Last).Sum(block => PersistentLayout.Align(block.Bytes));
}
