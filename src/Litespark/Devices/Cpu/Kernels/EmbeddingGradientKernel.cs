// N tokens, V vocabulary, D width
namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// dTable[indices[n]] += dy[n] in the order of the tokens, from zero unless accumulate. A task owns a block of columns of the whole
/// table, so equal tokens never meet and the order of the sums is fixed.
/// </summary>
internal sealed unsafe class EmbeddingGradientKernel : SimdKernel
{
    const int BlockColumns = 32;

    readonly int* indices;
    readonly Matrix dy_ND, dTable_VD;
    readonly Tiling tiles;
    readonly SimdKernel[] clear;

    public EmbeddingGradientKernel(WorkerPool pool, int* indices, Matrix dy_ND, Matrix dTable_VD, bool accumulate)
        : base(pool, Cut(dy_ND).Count)
    {
        this.indices = indices;
        (this.dy_ND, this.dTable_VD, tiles) = (dy_ND, dTable_VD, Cut(dy_ND));
        clear = accumulate ? [] : [new FillKernel(pool, 0, dTable_VD)];
    }

    protected override ReadOnlySpan<SimdKernel> Stages => clear;

    static Tiling Cut(Matrix dy_ND) => Tiling.ColumnBlocks(dy_ND.Rows, dy_ND.Columns, BlockColumns);

    public override void Run(WorkerPool pool)
    {
        foreach (SimdKernel stage in clear) stage.Run(pool);
        base.Run(pool);
    }

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        for (int n = 0; n < dy_ND.Rows; n++)
        {
            float* sum = dTable_VD.Row(indices[n]) + tile.Column;
            Elementwise.Add<T>(sum, dy_ND.Row(n) + tile.Column, sum, tile.Count);
        }
    }
}
