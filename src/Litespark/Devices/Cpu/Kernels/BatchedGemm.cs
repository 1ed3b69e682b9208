namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The batched product for one tile: for every chunk of the batch one loop packs all B, a second one computes row blocks of
/// all C. A is read where it lies (row-major) or packed by the worker that needs it (transposed): in attention few columns
/// of B meet every element of A, so packing A ahead would not pay.
/// </summary>
internal sealed unsafe class BatchedGemm<TTile> : CpuKernel, IParallelWork where TTile : struct, IGemmTile
{
    const int LongestTaskRows = 96;

    readonly BatchedGemmProblem problem;
    readonly int packedLevels, groupsPerChunk, taskRows, rowBlocks, tasksPerGroup;
    readonly long packedLength;
    WorkerPool? pool;
    int firstGroup;
    bool packing;

    public BatchedGemm(WorkerPool pool, in BatchedGemmProblem problem)
    {
        this.problem = problem;
        // A group is what shares (i, j). B that is the same for every k-level is packed once.
        packedLevels = problem.B.StrideK == 0 ? 1 : problem.CountK;
        packedLength = PackedChunk.Length(TTile.Columns, problem.N, problem.K);
        groupsPerChunk = (int)Math.Clamp(GemmBlocking.PackedFloats / (packedLevels * packedLength), 1, problem.Groups);
        taskRows = GemmBlocking.Even(problem.M, LongestTaskRows, TTile.Rows);
        rowBlocks = GemmBlocking.Count(problem.M, taskRows);
        tasksPerGroup = rowBlocks * (problem.ReduceK ? 1 : problem.CountK);
        pool.ReserveSharedScratch(groupsPerChunk * packedLevels * packedLength);
        pool.ReserveScratch(PackedChunk.Length(TTile.Rows, taskRows, Math.Min(problem.K, PackedChunk.LongestBlock)));
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        this.pool = pool;
        for (firstGroup = 0; firstGroup < problem.Groups; firstGroup += groupsPerChunk)
        {
            int groups = Math.Min(groupsPerChunk, problem.Groups - firstGroup);
            packing = true;
            pool.Run(this, groups * packedLevels);
            packing = false;
            pool.Run(this, groups * tasksPerGroup);
        }
    }

    /// <inheritdoc/>
    public void RunTask(int task, int worker)
    {
        if (packing)
        {
            int group = task / packedLevels, level = task % packedLevels;
            problem.SourceB(firstGroup + group, level).PackAll(PackedB(group, level));
        }
        else
        {
            int group = task / tasksPerGroup, inGroup = task % tasksPerGroup;
            int level = inGroup / rowBlocks, row = inGroup % rowBlocks * taskRows;
            float* scratch = pool!.Scratch(worker);
            if (!problem.ReduceK) Multiply(group, level, row, problem.Accumulate, scratch);
            else
            {
                for (level = 0; level < problem.CountK; level++) Multiply(group, level, row, problem.Accumulate || level > 0, scratch);
            }
        }
    }

    void Multiply(int group, int level, int row, bool accumulate, float* scratch)
    {
        Matrix a = problem.MatrixA(firstGroup + group, level), c = problem.MatrixC(firstGroup + group, problem.ReduceK ? 0 : level);
        PackedChunk b = PackedB(group, packedLevels == 1 ? 0 : level);
        int rows = Math.Min(taskRows, problem.M - row);
        for (int start = 0; start < b.Depth; start += b.BlockDepth)
        {
            int depth = b.DepthAt(start);
            bool add = accumulate || start > 0;
            PackSource source = new(a, problem.TransposeA, 1);
            float* panels = b.Panel(0, start), block = c.Row(row);
            if (problem.TransposeA)
            {
                RowsOfA packed = source.Panels(row, rows, start, depth, TTile.Rows, scratch);
                GemmBlock.Multiply<TTile, PackedRows, NoEpilogue>(rows, problem.N, depth, packed, panels, block, c.Stride, add, default, 0, 0);
            }
            else
            {
                RowsOfA inPlace = source.InPlace(row, rows, start, depth, TTile.Rows, scratch);
                GemmBlock.Multiply<TTile, RowsInPlace, NoEpilogue>(rows, problem.N, depth, inPlace, panels, block, c.Stride, add, default, 0, 0);
            }
        }
    }

    PackedChunk PackedB(int group, int level)
        => new(pool!.SharedScratch + (group * packedLevels + level) * packedLength, TTile.Columns, problem.N, problem.K);
}
