using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Sums over rows, the gradient of a bias: y[c] = Σ_r x[r, c]; with accumulate, y[c] += that.</summary>
internal sealed unsafe class ColumnSumKernel : SimdKernel
{
    const int Quad = 4;

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
        int r = tile.FirstRow;
        for (; r <= tile.EndRow - Quad; r += Quad) AddQuad<T>(x.Row(r), x.Stride, partial, x.Columns);
        for (; r < tile.EndRow; r++) Elementwise.Add<T>(partial, x.Row(r), partial, x.Columns);
    }

    /// <summary>Four rows at a time: the partial sums come and go once for all of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void AddQuad<T>(float* row0, nint stride, float* partial, nint columns) where T : struct, ISimd<T>
    {
        float* row1 = row0 + stride, row2 = row1 + stride, row3 = row2 + stride;
        nint c = 0;
        for (; c <= columns - T.Count; c += T.Count)
            T.Store(T.Load(partial + c) + ((T.Load(row0 + c) + T.Load(row1 + c)) + (T.Load(row2 + c) + T.Load(row3 + c))), partial + c);
        for (; c < columns; c++) partial[c] += row0[c] + row1[c] + (row2[c] + row3[c]);
    }
}
