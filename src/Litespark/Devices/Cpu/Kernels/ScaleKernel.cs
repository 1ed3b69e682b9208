namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y = factor · x; in place allowed.</summary>
internal sealed unsafe class ScaleKernel(WorkerPool pool, Matrix x, float factor, Matrix y)
    : SimdKernel(pool, Tiling.Elements(x.Rows, x.Columns).Count)
{
    readonly Tiling tiles = Tiling.Elements(x.Rows, x.Columns);

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
            Elementwise.Scale<T>(x.Row(r) + tile.Column, factor, y.Row(r) + tile.Column, tile.Count);
    }
}
