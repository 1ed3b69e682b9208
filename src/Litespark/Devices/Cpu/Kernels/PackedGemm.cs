namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The blocked product: for every chunk one loop packs the operands (all workers together, each element once), a second one
/// computes tasks of C from the packed panels. Every element of C sums its k in ascending order, block after block.
/// </summary>
internal sealed unsafe class PackedGemm<TTile, TEpilogue> : CpuKernel, IParallelWork
    where TTile : struct, IGemmTile
    where TEpilogue : struct, ITileEpilogue
{
    const int PackedRowsPerTask = 48;
    const int PackedColumnsPerTask = 64;

    readonly GemmProblem problem;
    readonly TEpilogue epilogue;
    readonly GemmBlocking blocking;
    float* packedA, packedB;

    // The chunk at hand: where it begins in C and k, and how large it is.
    int row, column, k, rows, columns, depth, blockK;
    int packTasksA, packTasksB, taskRows, taskColumns, tasksAcross;
    bool packing;

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
        packedA = pool.SharedScratch;
        packedB = packedA + blocking.PackedA;
        for (k = 0; k < problem.K; k += blocking.ChunkK)
        {
            depth = Math.Min(blocking.ChunkK, problem.K - k);
            blockK = GemmBlocking.BlockK(depth);
            int blocks = GemmBlocking.Count(depth, blockK);
            for (column = 0; column < problem.N; column += blocking.ChunkN)
            {
                columns = Math.Min(blocking.ChunkN, problem.N - column);
                for (row = 0; row < problem.M; row += blocking.ChunkM)
                {
                    rows = Math.Min(blocking.ChunkM, problem.M - row);
                    packing = true;
                    packTasksA = GemmBlocking.Count(rows, PackedRowsPerTask) * blocks;
                    packTasksB = row == 0 ? GemmBlocking.Count(columns, PackedColumnsPerTask) * blocks : 0;
                    pool.Run(this, packTasksA + packTasksB);

                    packing = false;
                    (taskRows, taskColumns) = blocking.TaskShape(rows, columns, depth, pool.ThreadCount);
                    tasksAcross = GemmBlocking.Count(columns, taskColumns);
                    pool.Run(this, tasksAcross * GemmBlocking.Count(rows, taskRows));
                }
            }
        }
    }

    /// <inheritdoc/>
    public void RunTask(int task, int worker)
    {
        if (!packing) Multiply(task / tasksAcross * taskRows, task % tasksAcross * taskColumns);
        else if (task < packTasksB) PackB(task);
        else PackA(task - packTasksB);
    }

    // A chunk lies packed as [block of k][panel][k][width].
    void PackA(int task)
    {
        int groups = GemmBlocking.Count(rows, PackedRowsPerTask);
        int from = task % groups * PackedRowsPerTask, start = task / groups * blockK, length = Math.Min(blockK, depth - start);
        problem.PackA(row + from, Math.Min(PackedRowsPerTask, rows - from), k + start, length, TTile.Rows, PanelA(from, start, length));
    }

    void PackB(int task)
    {
        int groups = GemmBlocking.Count(columns, PackedColumnsPerTask);
        int from = task % groups * PackedColumnsPerTask, start = task / groups * blockK, length = Math.Min(blockK, depth - start);
        problem.PackB(column + from, Math.Min(PackedColumnsPerTask, columns - from), k + start, length, TTile.Columns, PanelB(from, start, length));
    }

    void Multiply(int fromRow, int fromColumn)
    {
        int height = Math.Min(taskRows, rows - fromRow), width = Math.Min(taskColumns, columns - fromColumn);
        float* c = problem.C.Row(row + fromRow) + column + fromColumn;
        for (int start = 0; start < depth; start += blockK)
        {
            int length = Math.Min(blockK, depth - start);
            bool accumulate = problem.Accumulate || k + start > 0;
            float* a = PanelA(fromRow, start, length), b = PanelB(fromColumn, start, length);
            if (k + start + length < problem.K)
                GemmBlock.Multiply<TTile, NoEpilogue>(height, width, length, a, b, c, problem.C.Stride, accumulate, default, 0, 0);
            else
                GemmBlock.Multiply<TTile, TEpilogue>(height, width, length, a, b, c, problem.C.Stride, accumulate, epilogue, row + fromRow, column + fromColumn);
        }
    }

    float* PanelA(int from, int start, int length) => Panel(packedA, TTile.Rows, rows, from, start, length);

    float* PanelB(int from, int start, int length) => Panel(packedB, TTile.Columns, columns, from, start, length);

    float* Panel(float* packed, int width, int lines, int from, int start, int length)
        => packed + start / blockK * GemmPack.PanelCount(width, lines) * GemmPack.PanelLength(width, blockK)
            + from / width * GemmPack.PanelLength(width, length);
}
