namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y = value.</summary>
internal sealed unsafe class FillKernel(WorkerPool pool, float value, Matrix y) : SimdKernel(pool, Tiling.Elements(y.Rows, y.Columns).Count)
{
    readonly Tiling tiles = Tiling.Elements(y.Rows, y.Columns);

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        for (int r = tile.FirstRow; r < tile.EndRow; r++) new Span<float>(y.Row(r) + tile.Column, tile.Count).Fill(value);
    }
}
