using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// y[0] = Σ x[i]² over the live blocks of a topology buffer (<see cref="BlockTopology"/>), one fp64 partial sum per block row; with accumulate,
/// y[0] += that. x is a matrix of the grid without gaps between its rows.
/// </summary>
internal sealed unsafe class BlockSparseSumOfSquaresKernel : SimdKernel
{
    readonly float* x, y;
    readonly BlockGrid grid;
    readonly LiveSpans spans;
    readonly bool accumulate;
    readonly WorkerPool pool;

    public BlockSparseSumOfSquaresKernel(WorkerPool pool, float* x, BlockGrid grid, int* topology, float* y, bool accumulate) : base(pool, grid.RowBlocks)
    {
        (this.pool, this.grid, this.accumulate) = (pool, grid, accumulate);
        this.x = x;
        this.y = y;
        spans = new(grid, topology);
        pool.ReserveSharedScratch((long)grid.RowBlocks * sizeof(double) / sizeof(float));
    }

    double* Partials => (double*)pool.SharedScratch;

    public override void Run(WorkerPool pool)
    {
        base.Run(pool);
        double sum = 0;
        for (int i = 0; i < grid.RowBlocks; i++) sum += Partials[i];
        *y = (float)(sum + (accumulate ? *y : 0));
    }

    protected override void RunTask<T>(int task, int worker)
    {
        double sum = 0;
        int next = 0;
        for ((int start, int end) = spans.Next(task, ref next); start < end; (start, end) = spans.Next(task, ref next))
        {
            for (int r = grid.RowStart(task); r < grid.RowStart(task + 1); r++) sum += RowSums.Sum<T, SquareTerm>(x + (long)r * grid.Columns + start, end - start);
        }

        Partials[task] = sum;
    }
}
