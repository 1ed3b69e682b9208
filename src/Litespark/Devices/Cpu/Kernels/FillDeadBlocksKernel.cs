using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// x = the mean over the live blocks of the same block row, in the dead blocks of a topology buffer (<see cref="BlockTopology"/>); live blocks stay.
/// <paramref name="means"/> [R · C]: the mean of every block, row by row.
/// </summary>
internal sealed unsafe class FillDeadBlocksKernel(WorkerPool pool, Matrix x, BlockGrid grid, int* topology, float* means) : SimdKernel(pool, grid.RowBlocks)
{
    readonly LiveSpans spans = new(grid, topology);
    readonly int* pointers = topology + BlockTopology.RowPointers;
    readonly int* blocks = topology + BlockTopology.ColumnIndices(grid);

    protected override void RunTask<T>(int task, int worker)
    {
        float mean = MeanOfLive(task);
        int next = 0, from = 0;
        while (from < x.Columns)
        {
            (int start, int end) = spans.Next(task, ref next);
            for (int r = grid.RowStart(task); r < grid.RowStart(task + 1); r++) new Span<float>(x.Row(r) + from, start - from).Fill(mean);
            from = end;
        }
    }

    // Blocks of a row have the same height: their elements are in proportion to their widths.
    float MeanOfLive(int row)
    {
        double sum = 0, width = 0;
        for (int i = pointers[row]; i < pointers[row + 1]; i++)
        {
            sum += (double)means[(nint)row * grid.ColumnBlocks + blocks[i]] * grid.Width(blocks[i]);
            width += grid.Width(blocks[i]);
        }

        return width == 0 ? 0 : (float)(sum / width);
    }
}
