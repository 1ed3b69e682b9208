namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Second stage of the reductions over rows: y[c] = Σ of the blocks' partial sums c, in the order of the blocks;
/// with accumulate, y[c] += that. Tasks are blocks of columns.
/// </summary>
internal sealed unsafe class ColumnTotals(WorkerPool pool, RowBlockPartials source, float* y, bool accumulate)
    : SimdKernel(pool, Cut(source).Count)
{
    const int BlockColumns = 64;

    readonly Tiling tiles = Cut(source);
    readonly RowBlockPartials blocks = source;

    static Tiling Cut(RowBlockPartials source) => Tiling.ColumnBlocks(source.Tiles.Count, source.Width, BlockColumns);

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        Matrix partials = blocks.All;
        int end = tile.Column + tile.Count;
        for (int c = tile.Column; c < end; c += T.Count)
        {
            T sum = T.Zero;
            for (int r = 0; r < partials.Rows; r++) sum += Lanes.Load<T>(partials.Row(r) + c, end - c);
            if (accumulate) sum += Lanes.Load<T>(y + c, end - c);
            Lanes.Store(sum, y + c, end - c);
        }
    }
}
