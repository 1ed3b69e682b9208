using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>norms[R · C] = the mean of |x| in every block of a matrix, live or dead, row by row: what says which blocks to drop and which to grow.</summary>
internal sealed unsafe class BlockNormsKernel(WorkerPool pool, Matrix x, BlockGrid grid, float* norms) : SimdKernel(pool, grid.RowBlocks)
{
    protected override void RunTask<T>(int task, int worker)
    {
        float* means = norms + (nint)task * grid.ColumnBlocks;
        if (grid is { BlockRows: 1, BlockColumns: 1 })
        {
            Absolute<T>(x.Row(grid.RowStart(task)), means, grid.Columns);
            return;
        }

        for (int block = 0; block < grid.ColumnBlocks; block++)
        {
            double sum = 0;
            int start = grid.ColumnStart(block), width = grid.Width(block);
            for (int r = grid.RowStart(task); r < grid.RowStart(task + 1); r++) sum += RowSums.Sum<T, AbsoluteTerm>(x.Row(r) + start, width);
            means[block] = (float)(sum / (grid.Height(task) * width));
        }
    }

    static void Absolute<T>(float* source, float* destination, int count) where T : struct, ISimd<T>
    {
        for (int i = 0; i < count; i += T.Count) Lanes.Store(AbsoluteTerm.Add(T.Zero, Lanes.Load<T>(source + i, count - i)), destination + i, count - i);
    }
}
