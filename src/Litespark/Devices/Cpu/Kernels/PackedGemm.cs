namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The blocked product (Goto and van de Geijn 2008): op(B) is packed in chunks for all workers, each element once; a task computes some rows of C
/// from a chunk and packs its rows of op(A) into the worker's own scratch memory, where they stay in the second cache. One loop multiplies a chunk
/// and packs the next one, by which workers that have nothing more to multiply fill their time. Every element of C sums its k in ascending order,
/// block after block.
/// </summary>
internal sealed unsafe class PackedGemm<TTile, TEpilogue> : CpuKernel, IParallelWork
    where TTile : struct, IGemmTile
    where TEpilogue : struct, ITileEpilogue
{
    // With more columns, packing A is a small part of the work and pays.
    const int MostColumnsInPlace = 1024;

    readonly GemmProblem problem;
    readonly TEpilogue epilogue;
    readonly GemmBlocking blocking;
    readonly ShrinkingSlices slices;
    readonly Reading reading;

    // Chunks along N, and of all of B.
    readonly int chunksAcross, chunks;

    // The chunk that is multiplied and the one that is packed.
    Chunk current, next;
    int tasksAcross, multiplications, packRows;
    WorkerPool? pool;

    /// <summary>Whether A is packed, or its rows or columns are read where they lie.</summary>
    enum Reading { Packed, Rows, Columns }

    /// <summary>A packed chunk of B, and where it begins in the columns of C and in k.</summary>
    readonly record struct Chunk(int Column, int K, PackedChunk B);

    public PackedGemm(WorkerPool pool, in GemmProblem problem, TEpilogue epilogue)
    {
        this.problem = problem;
        this.epilogue = epilogue;
        blocking = new GemmBlocking(problem.M, problem.N, problem.K, TTile.Rows, TTile.Columns, pool.ThreadCount);
        slices = new ShrinkingSlices(problem.M, blocking.LongestRows, blocking.ShortestRows, TTile.Rows,
            GemmBlocking.Count(blocking.ChunkN, blocking.TaskColumns), pool.ThreadCount);
        if (problem.N <= MostColumnsInPlace && problem.SourceA.ReadableInPlace(TTile.Rows, Math.Min(problem.K, PackedChunk.LongestBlock)))
            reading = problem.TransposeA ? Reading.Columns : Reading.Rows;
        chunksAcross = GemmBlocking.Count(problem.N, blocking.ChunkN);
        chunks = chunksAcross * GemmBlocking.Count(problem.K, blocking.ChunkK);
        pool.ReserveSharedScratch(blocking.PackedB * Math.Min(chunks, 2));
        pool.ReserveScratch(blocking.PackedA);
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        this.pool = pool;
        (multiplications, next) = (0, At(0));
        pool.Run(this, PackTasks(pool));
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            current = next;
            tasksAcross = GemmBlocking.Count(current.B.Lines, blocking.TaskColumns);
            multiplications = tasksAcross * slices.Count;
            bool last = chunk == chunks - 1;
            if (!last) next = At(chunk + 1);
            pool.Run(this, multiplications + (last ? 0 : PackTasks(pool)));
        }
    }

    /// <summary>A chunk, those along N first; every second one lies in the same memory.</summary>
    Chunk At(int index)
    {
        int column = index % chunksAcross * blocking.ChunkN, k = index / chunksAcross * blocking.ChunkK;
        return new Chunk(column, k, new PackedChunk(pool!.SharedScratch + index % 2 * blocking.PackedB, TTile.Columns,
            Math.Min(blocking.ChunkN, problem.N - column), Math.Min(blocking.ChunkK, problem.K - k)));
    }

    int PackTasks(WorkerPool pool)
    {
        packRows = problem.SourceB.TaskRows(next.B.Depth, pool.ThreadCount);
        return problem.SourceB.TaskCount(next.B.Lines, next.B.Depth, packRows);
    }

    /// <inheritdoc/>
    public void RunTask(int task, int worker)
    {
        if (task < multiplications) Multiply(task, pool!.Scratch(worker));
        else problem.SourceB.Pack(task - multiplications, packRows, next.Column, next.K, next.B);
    }

    void Multiply(int task, float* panels)
    {
        (int row, int rows) = slices[task / tasksAcross];
        int column = task % tasksAcross * blocking.TaskColumns;
        PackSource a = problem.SourceA;
        for (int start = 0; start < current.B.Depth; start += current.B.BlockDepth)
        {
            int depth = current.B.DepthAt(start), k = current.K + start;
            switch (reading)
            {
                case Reading.Rows: Multiply<RowsInPlace>(a.InPlace(row, rows, k, depth, TTile.Rows, panels), row, rows, column, start, default); break;
                case Reading.Columns: Multiply<ColumnsInPlace>(a.InPlace(row, rows, k, depth, TTile.Rows, panels), row, rows, column, start, default); break;
                default: Multiply<PackedRows>(a.Panels(row, rows, k, depth, TTile.Rows, panels), row, rows, column, start, PackedNext(task, start + depth)); break;
            }
        }
    }

    void Multiply<TReading>(RowsOfA a, int row, int rows, int fromColumn, int start, SoonRead soon) where TReading : struct, IReadingOfA
    {
        PackedChunk b = current.B;
        Matrix c = problem.C;
        int columns = Math.Min(blocking.TaskColumns, b.Lines - fromColumn), depth = b.DepthAt(start), k = current.K + start, column = current.Column + fromColumn;
        float* panels = b.Panel(fromColumn, start), block = c.Row(row) + column;
        bool accumulate = problem.Accumulate || k > 0;
        if (k + depth < problem.K)
            GemmBlock.Multiply<TTile, TReading, NoEpilogue>(rows, columns, depth, a, panels, block, c.Stride, accumulate, default, 0, 0, soon);
        else
            GemmBlock.Multiply<TTile, TReading, TEpilogue>(rows, columns, depth, a, panels, block, c.Stride, accumulate, epilogue, row, column, soon);
    }

    /// <summary>What this worker most likely packs next: of its rows what begins at a place in k, or the first block of the rows of the task that is
    /// its turn if all workers are as fast.</summary>
    SoonRead PackedNext(int task, int start)
    {
        PackedChunk b = current.B;
        int slice = task / tasksAcross;
        if (start == b.Depth)
        {
            int nextTask = task + pool!.ThreadCount, nextSlice = nextTask / tasksAcross;
            if (nextTask >= multiplications || nextSlice == slice) return default;
            (slice, start) = (nextSlice, 0);
        }

        (int row, int rows) = slices[slice];
        return problem.SourceA.Soon(row, rows, current.K + start, b.DepthAt(start));
    }
}
