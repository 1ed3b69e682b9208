using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The update of <see cref="AdamWKernel"/> in the live blocks of a topology buffer (<see cref="BlockTopology"/>); weights and moments of dead
/// blocks stay as they are. All matrices are those of the grid, without gaps between their rows.
/// </summary>
internal sealed unsafe class BlockSparseAdamWKernel(
    WorkerPool pool, float* weight, float* gradient, float* m, float* v, BlockGrid grid, int* topology, AdamWSettings settings, float* schedule,
    float* clipFactor)
    : SimdKernel(pool, grid.RowBlocks)
{
    readonly LiveSpans spans = new(grid, topology);

    protected override void RunTask<T>(int task, int worker)
    {
        var update = new AdamWUpdate<T>(settings, schedule, clipFactor);
        int next = 0;
        for ((int start, int end) = spans.Next(task, ref next); start < end; (start, end) = spans.Next(task, ref next))
        {
            for (int r = grid.RowStart(task); r < grid.RowStart(task + 1); r++)
            {
                long at = (long)r * grid.Columns + start;
                update.Apply(weight + at, gradient + at, m + at, v + at, end - start);
            }
        }
    }
}
