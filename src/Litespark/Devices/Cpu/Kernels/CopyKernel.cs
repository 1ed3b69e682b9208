namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y = x.</summary>
internal sealed unsafe class CopyKernel : SimdKernel
{
    readonly Matrix x, y;
    readonly Tiling tiles;

    /// <summary>Binds the operands, equal in shape.</summary>
    public CopyKernel(WorkerPool pool, Matrix x, Matrix y) : this(pool, Matrix.Flatten(x, y))
    {
    }

    CopyKernel(WorkerPool pool, (Matrix X, Matrix Y) operands) : base(pool, Tiling.Elements(operands.X.Rows, operands.X.Columns).Count)
    {
        (x, y) = operands;
        tiles = Tiling.Elements(x.Rows, x.Columns);
    }

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        for (int r = tile.FirstRow; r < tile.EndRow; r++) Elementwise.Copy(x.Row(r) + tile.Column, y.Row(r) + tile.Column, tile.Count);
    }
}
