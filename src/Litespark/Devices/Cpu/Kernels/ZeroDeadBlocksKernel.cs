using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>x = 0 in the dead blocks of a topology buffer (<see cref="BlockTopology"/>); live blocks stay.</summary>
internal sealed unsafe class ZeroDeadBlocksKernel(WorkerPool pool, Matrix x, BlockGrid grid, int* topology) : SimdKernel(pool, grid.RowBlocks)
{
    readonly LiveSpans spans = new(grid, topology);

    protected override void RunTask<T>(int task, int worker)
    {
        int next = 0, from = 0;
        while (from < x.Columns)
        {
            (int start, int end) = spans.Next(task, ref next);
            for (int r = grid.RowStart(task); r < grid.RowStart(task + 1); r++) new Span<float>(x.Row(r) + from, start - from).Clear();
            from = end;
        }
    }
}
