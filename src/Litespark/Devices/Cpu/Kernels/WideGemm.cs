namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// A product of few rows and many columns, such as the head's over a chunk of tokens or a short prompt's: op(A) is packed once, for all
/// workers; a task packs some columns of op(B) into its worker's own scratch memory and multiplies them by all of op(A). So B, the large
/// operand, is packed where it is used and leaves the second cache only when it is done with.
/// </summary>
internal sealed unsafe class WideGemm<TTile, TEpilogue> : CpuKernel, IParallelWork
    where TTile : struct, IGemmTile
    where TEpilogue : struct, ITileEpilogue
{
    // All of op(A) (up to 1 MiB) is read for every tile's width of columns: seldom enough that the last cache would do. With more rows the rows of
    // C, of which a task writes short pieces, count for more than B.
    const int MostPackedA = 1 << 18, MostRows = 512;
    const int MostTaskColumns = 96;
    const int TasksPerThread = 4;

    /// <summary>Rows that a task packs.</summary>
    static readonly int PackedRows = 2 * TTile.Rows;

    readonly GemmProblem problem;
    readonly TEpilogue epilogue;
    readonly int taskColumns;
    bool packing;
    PackedChunk a;
    WorkerPool? pool;

    public WideGemm(WorkerPool pool, in GemmProblem problem, TEpilogue epilogue)
    {
        this.problem = problem;
        this.epilogue = epilogue;
        taskColumns = GemmBlocking.Even(Math.Min(MostTaskColumns, GemmBlocking.Count(problem.N, TasksPerThread * pool.ThreadCount)), MostTaskColumns, TTile.Columns);
        pool.ReserveSharedScratch(PackedChunk.Length(TTile.Rows, problem.M, problem.K));
        pool.ReserveScratch(PackedChunk.Length(TTile.Columns, taskColumns, Math.Min(problem.K, PackedChunk.LongestBlock)));
    }

    /// <summary>Whether a product is of this kind.</summary>
    public static bool Suits(in GemmProblem problem) => problem.M <= MostRows && problem.N >= 2 * problem.M && (long)problem.M * problem.K <= MostPackedA;

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        this.pool = pool;
        a = new PackedChunk(pool.SharedScratch, TTile.Rows, problem.M, problem.K);
        packing = true;
        pool.Run(this, GemmBlocking.Count(problem.M, PackedRows));
        packing = false;
        pool.Run(this, GemmBlocking.Count(problem.N, taskColumns));
    }

    /// <inheritdoc/>
    public void RunTask(int task, int worker)
    {
        if (packing) Pack(task * PackedRows);
        else Multiply(task * taskColumns, pool!.Scratch(worker));
    }

    void Pack(int row)
    {
        int rows = Math.Min(PackedRows, problem.M - row);
        for (int k = 0; k < problem.K; k += a.BlockDepth) problem.SourceA.PackPanels(row, rows, k, a.DepthAt(k), TTile.Rows, a.Panel(row, k));
    }

    void Multiply(int column, float* panelsB)
    {
        int columns = Math.Min(taskColumns, problem.N - column);
        float* block = problem.C.Row(0) + column;
        for (int k = 0; k < problem.K; k += a.BlockDepth)
        {
            int depth = a.DepthAt(k);
            bool accumulate = problem.Accumulate || k > 0;
            RowsOfA rows = PackSource.PackedAt(a.Panel(0, k), depth, TTile.Rows);
            problem.SourceB.PackPanels(column, columns, k, depth, TTile.Columns, panelsB);
            if (k + depth < problem.K)
                GemmBlock.Multiply<TTile, PackedRows, NoEpilogue>(problem.M, columns, depth, rows, panelsB, block, problem.C.Stride, accumulate, default, 0, 0);
            else
                GemmBlock.Multiply<TTile, PackedRows, TEpilogue>(problem.M, columns, depth, rows, panelsB, block, problem.C.Stride, accumulate, epilogue, 0, column);
        }
    }
}
