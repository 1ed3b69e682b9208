namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Sums over rows, the gradient of a bias: y[c] = Σ_r x[r, c]; with accumulate, y[c] += that.</summary>
internal sealed unsafe class ColumnSumKernel : SimdKernel
{
    readonly Matrix x;
    readonly RowBlockPartials partials;
    readonly SimdKernel[] totals;

    public ColumnSumKernel(WorkerPool pool, Matrix x, float* y, bool accumulate)
        : base(pool, RowBlockPartials.Cut(x.Rows, x.Columns).Count)
    {
        this.x = x;
        partials = new(pool, x.Rows, x.Columns, x.Columns);
        totals = [new ColumnTotals(pool, partials, y, accumulate)];
    }

    protected override ReadOnlySpan<SimdKernel> Stages => totals;

    public override void Run(WorkerPool pool)
    {
        base.Run(pool);
        totals[0].Run(pool);
    }

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = partials.Tiles[task];
        float* partial = partials.Clear(task);
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
        {
            float* x_D = x.Row(r);
            for (int c = 0; c < x.Columns; c += T.Count)
            {
                int rest = x.Columns - c;
                Lanes.Store(Lanes.Load<T>(partial + c, rest) + Lanes.Load<T>(x_D + c, rest), partial + c, rest);
            }
        }
    }
}
