namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The blocked product: for every chunk one loop packs the operands (all workers together, each element once), a second one
/// computes tasks of C from the packed panels. Every element of C sums its k in ascending order, block after block.
/// </summary>
internal sealed unsafe class PackedGemm<TTile, TEpilogue> : CpuKernel, IParallelWork
    where TTile : struct, IGemmTile
    where TEpilogue : struct, ITileEpilogue
{
    readonly GemmProblem problem;
    readonly TEpilogue epilogue;
    readonly GemmBlocking blocking;

    // The chunk at hand: where it begins in C and in k, its packed operands, its tasks.
    int row, column, k;
    PackedChunk a, b;
    bool packing;
    int packTasksB, taskRows, taskColumns, tasksAcross;

    public PackedGemm(WorkerPool pool, in GemmProblem problem, TEpilogue epilogue)
    {
        this.problem = problem;
        this.epilogue = epilogue;
        blocking = new GemmBlocking(problem.M, problem.N, problem.K, TTile.Rows, TTile.Columns);
        pool.ReserveSharedScratch(blocking.PackedA + blocking.PackedB);
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        for (k = 0; k < problem.K; k += blocking.ChunkK)
        {
            int depth = Math.Min(blocking.ChunkK, problem.K - k);
            for (column = 0; column < problem.N; column += blocking.ChunkN)
            {
                b = new PackedChunk(pool.SharedScratch + blocking.PackedA, TTile.Columns, Math.Min(blocking.ChunkN, problem.N - column), depth);
                for (row = 0; row < problem.M; row += blocking.ChunkM)
                {
                    a = new PackedChunk(pool.SharedScratch, TTile.Rows, Math.Min(blocking.ChunkM, problem.M - row), depth);
                    packing = true;
                    packTasksB = row == 0 ? problem.SourceB.TaskCount(b.Lines, depth) : 0;
                    pool.Run(this, packTasksB + problem.SourceA.TaskCount(a.Lines, depth));

                    packing = false;
                    (taskRows, taskColumns) = blocking.TaskShape(a.Lines, b.Lines, depth, pool.ThreadCount);
                    tasksAcross = GemmBlocking.Count(b.Lines, taskColumns);
                    pool.Run(this, tasksAcross * GemmBlocking.Count(a.Lines, taskRows));
                }
            }
        }
    }

    /// <inheritdoc/>
    public void RunTask(int task, int worker)
    {
        if (!packing) Multiply(task / tasksAcross * taskRows, task % tasksAcross * taskColumns);
        else if (task < packTasksB) problem.SourceB.Pack(task, column, k, b);
        else problem.SourceA.Pack(task - packTasksB, row, k, a);
    }

    void Multiply(int fromRow, int fromColumn)
    {
        int rows = Math.Min(taskRows, a.Lines - fromRow), columns = Math.Min(taskColumns, b.Lines - fromColumn);
        Matrix c = problem.C;
        float* block = c.Row(row + fromRow) + column + fromColumn;
        for (int start = 0; start < a.Depth; start += a.BlockDepth)
        {
            int depth = a.DepthAt(start);
            bool accumulate = problem.Accumulate || k + start > 0;
            float* panelsA = a.Panel(fromRow, start), panelsB = b.Panel(fromColumn, start);
            if (k + start + depth < problem.K)
                GemmBlock.Multiply<TTile, NoEpilogue>(rows, columns, depth, panelsA, panelsB, block, c.Stride, accumulate, default, 0, 0);
            else
                GemmBlock.Multiply<TTile, TEpilogue>(rows, columns, depth, panelsA, panelsB, block, c.Stride, accumulate, epilogue, row + fromRow, column + fromColumn);
        }
    }
}
