namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y = softmax(x), row by row; in place allowed.</summary>
internal sealed unsafe class SoftmaxKernel(WorkerPool pool, Matrix x, Matrix y) : SimdKernel(pool, Tiling.Rows(x.Rows, x.Columns).Count)
{
    readonly Tiling tiles = Tiling.Rows(x.Rows, x.Columns);

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
        {
            float max = RowMath<T>.Max(x.Row(r), x.Columns), sum = RowMath<T>.ExpSum(x.Row(r), 1, max, y.Row(r), x.Columns, x.Row(r + 1));
            RowMath<T>.Scale(y.Row(r), 1 / sum, y.Row(r), x.Columns);
        }
    }
}
