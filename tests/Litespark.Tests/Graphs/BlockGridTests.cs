using Litespark.Graphs;

namespace Litespark.Tests.Graphs;

public class BlockGridTests
{
    [Fact]
    public void No_block_crosses_a_member()
    {
        BlockGrid grid = BlockGrid.Of([40, 16, 5], 35, 16, 8);
        Assert.Equal([0, 16, 32, 40, 56, 61], grid.RowStarts);
        Assert.Equal((61, 35, 5, 5, 25), (grid.Rows, grid.Columns, grid.RowBlocks, grid.ColumnBlocks, grid.Count));
        Assert.Equal([16, 16, 8, 16, 5], Enumerable.Range(0, 5).Select(grid.Height));
        Assert.Equal([8, 8, 8, 8, 3], Enumerable.Range(0, 5).Select(grid.Width));
        Assert.Equal(61 * 35, Enumerable.Range(0, grid.Count).Sum(grid.Elements));
        Assert.Equal(2 + 6 + 25 + 6 + 25 + 5 + 5, grid.TopologyLength);
    }

    [Fact]
    public void Grids_that_cut_alike_are_equal()
    {
        BlockGrid grid = BlockGrid.Of([32, 32], 48, 16, 16);
        Assert.Equal(BlockGrid.Of([64], 48, 16, 16), grid);
        Assert.Equal(BlockGrid.Of([64], 48, 16, 16).GetHashCode(), grid.GetHashCode());
        Assert.NotEqual(BlockGrid.Of([40, 24], 48, 16, 16), grid);
        Assert.NotEqual(BlockGrid.Of([64], 48, 16, 8), grid);
        Assert.NotEqual(BlockGrid.Of([64], 47, 16, 16), grid);
    }

    [Fact]
    public void Sizes_below_one_are_refused()
    {
        Assert.Throws<ArgumentException>(() => BlockGrid.Of([], 4, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockGrid.Of([4, 0], 4, 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockGrid.Of([4], 4, 1, 0));
    }

    [Fact]
    public void A_topology_lists_the_live_blocks_by_rows_and_by_columns()
    {
        BlockGrid grid = BlockGrid.Of([32, 8], 40, 16, 16);
        bool[] live = [true, false, true, false, false, false, true, true, false];
        int[] buffer = new int[grid.TopologyLength];
        BlockTopology.Write(grid, live, denseGradients: false, buffer);
        Assert.Equal([0, 4], buffer[..2]);
        Assert.Equal([0, 2, 2, 4], buffer[2..6]);
        Assert.Equal([0, 2, 0, 1], buffer.AsSpan(BlockTopology.ColumnIndices(grid), 4).ToArray());
        Assert.Equal([0, 2, 3, 4], buffer.AsSpan(BlockTopology.ColumnPointers(grid), 4).ToArray());
        Assert.Equal([0, 2, 2, 0], buffer.AsSpan(BlockTopology.RowIndices(grid), 4).ToArray());
        Assert.Equal([0, 2, 1], buffer.AsSpan(BlockTopology.RowsByLength(grid), 3).ToArray());
        Assert.Equal([0, 1, 2], buffer.AsSpan(BlockTopology.ColumnsByLength(grid)).ToArray());
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(0.3, true)]
    [InlineData(1, false)]
    public void A_topology_is_read_back_and_writing_allocates_nothing(double density, bool denseGradients)
    {
        var random = new Random(3);
        BlockGrid grid = BlockGrid.Of([70, 20], 33, 8, 4);
        bool[] live = [.. Enumerable.Range(0, grid.Count).Select(_ => random.NextDouble() < density)], read = new bool[grid.Count];
        int[] buffer = new int[grid.TopologyLength];
        BlockTopology.Write(grid, live, denseGradients, buffer);
        Assert.Equal(denseGradients, BlockTopology.Read(grid, buffer, read));
        Assert.Equal(live, read);

        long before = GC.GetAllocatedBytesForCurrentThread();
        BlockTopology.Write(grid, live, denseGradients, buffer);
        BlockTopology.Read(grid, buffer, read);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Spans_of_another_length_are_refused()
    {
        BlockGrid grid = BlockGrid.Of([4], 4, 2, 2);
        Assert.Throws<ArgumentException>(() => BlockTopology.Write(grid, new bool[3], false, new int[grid.TopologyLength]));
        Assert.Throws<ArgumentException>(() => BlockTopology.Read(grid, new int[3], new bool[4]));
    }
}
