namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The blocked product (Goto and van de Geijn 2008): for every chunk one loop packs op(B) for all workers, each element once; a
/// second one computes tasks of C, each of which packs its rows of op(A) into the worker's own scratch memory, where they stay
/// in the second cache. Every element of C sums its k in ascending order, block after block.
/// </summary>
internal sealed unsafe class PackedGemm<TTile, TEpilogue> : CpuKernel, IParallelWork
    where TTile : struct, IGemmTile
    where TEpilogue : struct, ITileEpilogue
{
    readonly GemmProblem problem;
    readonly TEpilogue epilogue;
    readonly GemmBlocking blocking;
    readonly ShrinkingSlices slices;

    // The chunk at hand: where it begins in the columns of C and in k, its packed B, its tasks.
    int column, k;
    PackedChunk b;
    bool packing;
    int packRows, tasksAcross;
    WorkerPool? pool;

    public PackedGemm(WorkerPool pool, in GemmProblem problem, TEpilogue epilogue)
    {
        this.problem = problem;
        this.epilogue = epilogue;
        blocking = new GemmBlocking(problem.M, problem.N, problem.K, TTile.Rows, TTile.Columns, pool.ThreadCount);
        slices = new ShrinkingSlices(problem.M, blocking.LongestRows, blocking.ShortestRows, TTile.Rows,
            GemmBlocking.Count(blocking.ChunkN, blocking.TaskColumns), pool.ThreadCount);
        pool.ReserveSharedScratch(blocking.PackedB);
        pool.ReserveScratch(blocking.PackedA);
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        this.pool = pool;
        for (k = 0; k < problem.K; k += blocking.ChunkK)
        {
            int depth = Math.Min(blocking.ChunkK, problem.K - k);
            for (column = 0; column < problem.N; column += blocking.ChunkN)
            {
                b = new PackedChunk(pool.SharedScratch, TTile.Columns, Math.Min(blocking.ChunkN, problem.N - column), depth);
                packing = true;
                packRows = problem.SourceB.TaskRows(depth, pool.ThreadCount);
                pool.Run(this, problem.SourceB.TaskCount(b.Lines, depth, packRows));

                packing = false;
                tasksAcross = GemmBlocking.Count(b.Lines, blocking.TaskColumns);
                pool.Run(this, tasksAcross * slices.Count);
            }
        }
    }

    /// <inheritdoc/>
    public void RunTask(int task, int worker)
    {
        if (packing) problem.SourceB.Pack(task, packRows, column, k, b);
        else Multiply(task / tasksAcross, task % tasksAcross * blocking.TaskColumns, pool!.Scratch(worker));
    }

    void Multiply(int slice, int fromColumn, float* panelsA)
    {
        (int row, int rows) = slices[slice];
        int columns = Math.Min(blocking.TaskColumns, b.Lines - fromColumn);
        Matrix c = problem.C;
        float* block = c.Row(row) + column + fromColumn;
        for (int start = 0; start < b.Depth; start += b.BlockDepth)
        {
            int depth = b.DepthAt(start);
            bool accumulate = problem.Accumulate || k + start > 0;
            problem.SourceA.PackPanels(row, rows, k + start, depth, TTile.Rows, panelsA);
            if (k + start + depth < problem.K)
                GemmBlock.Multiply<TTile, NoEpilogue>(rows, columns, depth, panelsA, b.Panel(fromColumn, start), block, c.Stride, accumulate, default, 0, 0);
            else
                GemmBlock.Multiply<TTile, TEpilogue>(rows, columns, depth, panelsA, b.Panel(fromColumn, start), block, c.Stride, accumulate, epilogue, row, column + fromColumn);
        }
    }
}
