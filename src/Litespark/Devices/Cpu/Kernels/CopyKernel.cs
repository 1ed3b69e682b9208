namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y = x.</summary>
internal sealed unsafe class CopyKernel(WorkerPool pool, Matrix x, Matrix y) : SimdKernel(pool, Tiling.Elements(x.Rows, x.Columns).Count)
{
    readonly Tiling tiles = Tiling.Elements(x.Rows, x.Columns);

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        for (int r = tile.FirstRow; r < tile.EndRow; r++) Elementwise.Copy(x.Row(r) + tile.Column, y.Row(r) + tile.Column, tile.Count);
    }
}
