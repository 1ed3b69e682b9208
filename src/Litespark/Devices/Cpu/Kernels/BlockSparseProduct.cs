using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The block-sparse product: one loop packs the live blocks of the weights for all workers, a second one computes slices of rows of y. For every
/// block of outputs a task walks the list of live blocks, tile by tile down its slice, whose rows of x stay in the second cache.
/// Every element of y sums its live terms in ascending order.
/// </summary>
internal sealed unsafe class BlockSparseProduct<TTile, TEpilogue> : CpuKernel, IParallelWork
    where TTile : struct, IBlockTile
    where TEpilogue : struct, ITileEpilogue
{
    // Of x: half of a small second cache.
    const int SliceFloats = 1 << 17;

    const int TasksPerThread = 4;
    const int PackedOutputs = 4;

    // How many live blocks ahead weights are asked for while they are packed.
    const int BlocksAhead = 3;

    readonly BlockSparseProblem problem;
    readonly TEpilogue epilogue;
    readonly BlockPanels x;
    readonly int tilesPerBlock, longestSlice;
    readonly bool streams;
    readonly nint tileFloats, slot;

    bool packing;
    int sliceRows, parts;
    WorkerPool? pool;

    /// <summary>Binds the operands, with room for <paramref name="mostLive"/> packed blocks; x is always copied into panels, or only where it must be.</summary>
    public BlockSparseProduct(WorkerPool pool, in BlockSparseProblem problem, TEpilogue epilogue, int mostLive, bool alwaysCopies)
    {
        this.problem = problem;
        this.epilogue = epilogue;
        tilesPerBlock = GemmBlocking.Count(problem.Outputs.Longest, TTile.Columns);
        tileFloats = GemmPack.PanelLength(TTile.Columns, problem.Inputs.Longest);
        slot = tileFloats * tilesPerBlock;
        x = new BlockPanels(problem.X, problem.Inputs, TTile.Rows, alwaysCopies);
        int fitting = (int)Math.Clamp(SliceFloats / x.PanelLength * TTile.Rows, TTile.Rows, TTile.LongestSlice);
        longestSlice = GemmBlocking.Even(problem.Y.Rows, fitting, TTile.Rows);
        // An epilogue and an addition read what is there; a small y is still in the second cache when it is read.
        streams = TTile.Streams && !problem.Accumulate && epilogue is NoEpilogue && StreamingStores.PayBesideWork(problem.Y);
        pool.ReserveSharedScratch(slot * Math.Max(mostLive, 1));
        pool.ReserveScratch(x.PanelLength * (x.Copies ? longestSlice / TTile.Rows : 1));
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        this.pool = pool;
        packing = true;
        pool.Run(this, GemmBlocking.Count(problem.Outputs.Count, PackedOutputs));

        packing = false;
        CutTasks(pool.ThreadCount);
        pool.Run(this, parts * GemmBlocking.Count(problem.Y.Rows, sliceRows));
    }

    /// <inheritdoc/>
    public void RunTask(int task, int worker)
    {
        if (packing) Pack(task * PackedOutputs, Math.Min((task + 1) * PackedOutputs, problem.Outputs.Count));
        else Multiply(task / parts * sliceRows, task % parts, pool!.Scratch(worker));
    }

    // Slices of rows for some tasks per thread; where there are too few rows, the outputs are cut too.
    void CutTasks(int threads)
    {
        (sliceRows, parts) = (longestSlice, 1);
        if (threads == 1) return;
        int wanted = TasksPerThread * threads, rows = problem.Y.Rows;
        while (GemmBlocking.Count(rows, sliceRows) < wanted && sliceRows > TTile.Rows) sliceRows = GemmBlocking.Even(rows, sliceRows / 2, TTile.Rows);
        parts = Math.Clamp(GemmBlocking.Count(wanted, GemmBlocking.Count(rows, sliceRows)), 1, problem.Outputs.Count);
    }

    void Pack(int from, int to)
    {
        int* pointers = problem.Pointers;
        int last = pointers[to] - 1, next = from;
        for (int output = from; output < to; output++)
        {
            for (int i = pointers[output]; i < pointers[output + 1]; i++)
            {
                int ahead = Math.Min(i + BlocksAhead, last);
                while (pointers[next + 1] <= ahead) next++;
                nint distance = (nint)(problem.Weights(next, problem.Indices[ahead]) - problem.Weights(output, problem.Indices[i]));
                float* panel = pool!.SharedScratch + i * slot;
                for (int skip = 0; skip < problem.Outputs.Lengths[output]; skip += TTile.Columns, panel += tileFloats)
                    problem.Pack(output, problem.Indices[i], skip, TTile.Columns, panel, distance);
            }
        }
    }

    void Multiply(int row, int part, float* panels)
    {
        BlockAxis outputs = problem.Outputs;
        int rows = Math.Min(sliceRows, problem.Y.Rows - row), inPlace = x.Copies ? 0 : rows / TTile.Rows * TTile.Rows;
        int first = (int)((long)outputs.Count * part / parts), end = (int)((long)outputs.Count * (part + 1) / parts);
        if (TTile.WantsRowsFetched) x.Fetch(row, inPlace);
        x.Copy(row + inPlace, rows - inPlace, panels);
        for (int output = first; output < end; output++)
        {
            int start = problem.Pointers[output], count = problem.Pointers[output + 1] - start, length = outputs.Lengths[output];
            LiveBlocks there = new(problem.Indices + start, count, problem.Inputs.Lengths, slot, x.InPlace);
            LiveBlocks copied = new(problem.Indices + start, count, problem.Inputs.Lengths, slot, x.InPanels);
            float* weights = pool!.SharedScratch + start * slot;
            for (int skip = 0; skip < length; skip += TTile.Columns, weights += tileFloats)
            {
                int column = outputs.Starts[output] + skip, width = Math.Min(TTile.Columns, length - skip);
                Tiles(there, problem.X.Row(row), weights, row, inPlace, column, width);
                Tiles(copied, panels, weights, row + inPlace, rows - inPlace, column, width);
            }
        }

        if (streams) StreamingStores.Finish();
    }

    // The tiles of some rows, one below the other.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Tiles(in LiveBlocks live, float* x, float* weights, int row, int rows, int column, int width)
    {
        nint ldy = problem.Y.Stride;
        float* edge = stackalloc float[TTile.Rows * TTile.Columns], y = problem.Y.Row(row) + column;
        TileStore store = problem.Accumulate ? TileStore.Add : streams && StreamingStores.Fit(y, ldy, TTile.Columns) ? TileStore.Stream : TileStore.Replace;
        for (int i = 0; i < rows; i += TTile.Rows, x += live.X.Tile, y += TTile.Rows * ldy)
        {
            int height = Math.Min(TTile.Rows, rows - i);
            if (height == TTile.Rows && width == TTile.Columns)
            {
                if (store != TileStore.Stream) GemmBlock.PrefetchTile(y, ldy, TTile.Rows, TTile.Columns);
                TTile.Walk(live, x, weights, y, ldy, store);
            }
            else
            {
                TTile.Walk(live, x, weights, edge, TTile.Columns, TileStore.Replace);
                GemmBlock.StoreEdge(edge, TTile.Columns, y, ldy, height, width, problem.Accumulate);
            }

            epilogue.Apply(y, ldy, height, width, row + i, column);
        }
    }
}
