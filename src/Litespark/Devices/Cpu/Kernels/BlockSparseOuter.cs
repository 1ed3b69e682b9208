using System.Runtime.CompilerServices;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// dW (+)= aᵀ·b in the live blocks alone. Operands are packed into panels [token][piece of a block], since a live block's columns
/// of them, read in place, are lines far apart that no hardware foresees: that of the longer axis by the task that owns its live blocks, chunk by
/// chunk, so that it stays in the second cache, unless tiles read it once and few of its blocks are live; that of the shorter one by all
/// workers, for some tokens, unless it can be read where it lies (<see cref="BlockSparseOperand.IsReadable"/>). The sums of a chunk are added to those before it.
/// </summary>
internal sealed unsafe class BlockSparseOuter<TTile> : CpuKernel, IParallelWork where TTile : struct, IBlockGradientTile
{
    // Rows of a block that tiles take at a time; half of it where blocks are no higher.
    const int Strip = 16;

    // Tokens of a chunk: a panel of both operands fits into the first cache.
    const int LongestChunk = 128;

    // A task's panels at a time, of a chunk.
    const int OwnFloats = 96 * 1024;

    // Live blocks of a line, on average, that make up for packing it.
    const int EnoughBlocks = 4;

    const int TasksPerThread = 8;

    readonly Matrix gradient;
    readonly BlockSparseOperand own, other;
    readonly bool accumulate, byRows, packsOther;
    readonly int* topology, pointers, indices;
    readonly int tokens, chunk, longestPass, ownPieces;
    int tasks, pass, passTokens;
    bool packing, packsOwn;
    WorkerPool? pool;

    public BlockSparseOuter(WorkerPool pool, Matrix a, Matrix b, BlockGrid grid, int* topology, Matrix gradient, bool accumulate)
    {
        (this.gradient, this.accumulate, tokens) = (gradient, accumulate, a.Rows);
        this.topology = topology;
        byRows = grid.Rows >= grid.Columns;
        var rows = new BlockSparseOperand(a, BlockAxis.OfRows(grid, grid.BlockRows <= Strip / 2 ? Strip / 2 : Strip));
        var columns = new BlockSparseOperand(b, BlockAxis.OfColumns(grid, TTile.Columns));
        (own, other) = byRows ? (rows, columns) : (columns, rows);
        pointers = topology + (byRows ? BlockTopology.RowPointers : BlockTopology.ColumnPointers(grid));
        indices = topology + (byRows ? BlockTopology.ColumnIndices(grid) : BlockTopology.RowIndices(grid));

        chunk = GemmBlocking.Even(tokens, LongestChunk, 1);
        packsOther = !other.IsReadable(chunk, TTile.ReadsOnce);
        nint otherWidth = (nint)other.Axis.Pieces * other.Axis.Piece;
        long otherChunk = other.Axis.Pieces * other.PanelLength(chunk);
        longestPass = (int)Math.Clamp(GemmBlocking.PackedFloats / otherWidth / chunk, 1, GemmBlocking.Count(tokens, chunk)) * chunk;
        int piecesOfBlock = GemmBlocking.Count(own.Axis.Longest, own.Axis.Piece);
        ownPieces = Math.Max(OwnFloats / (chunk * own.Axis.Piece), piecesOfBlock);
        if (packsOther) pool.ReserveSharedScratch(otherChunk * (longestPass / chunk));
        else longestPass = GemmBlocking.Count(tokens, chunk) * chunk;
        pool.ReserveScratch(ownPieces * own.PanelLength(chunk));
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        this.pool = pool;
        int live = topology[BlockTopology.LiveCount];
        tasks = pool.ThreadCount == 1 ? Math.Min(live, 1) : Math.Min(live, TasksPerThread * pool.ThreadCount);
        if (tasks == 0) return;
        packsOwn = !TTile.ReadsOnce || !own.HasWholeLines || live >= EnoughBlocks * own.Axis.Count;
        for (pass = 0; pass < tokens; pass += longestPass)
        {
            passTokens = Math.Min(longestPass, tokens - pass);
            packing = packsOther;
            if (packing) pool.Run(this, GemmBlocking.Count(passTokens, chunk));
            packing = false;
            pool.Run(this, tasks);
        }
    }

    /// <inheritdoc/>
    public void RunTask(int task, int worker)
    {
        if (packing)
        {
            int from = task * chunk, depth = Math.Min(chunk, passTokens - from);
            other.Pack(0, other.Axis.Count, pass + from, depth, Shared(from), other.PanelLength(depth));
            return;
        }

        int live = topology[BlockTopology.LiveCount];
        int first = (int)((long)live * task / tasks), end = (int)((long)live * (task + 1) / tasks), line = 0;
        while (pointers[line + 1] <= first) line++;
        // Worth it where most of the other operand is used.
        bool fetches = !packsOther && end - first >= other.Axis.Count;
        for (int from = 0; from < passTokens; from += chunk)
        {
            int depth = Math.Min(chunk, passTokens - from);
            if (fetches) other.Fetch(pass + from, depth);
            Multiply(line, first, end, from, depth, pool!.Scratch(worker));
        }
    }

    // The other operand's panels of the chunk that begins with a token of the pass.
    float* Shared(int from) => pool!.SharedScratch + from / chunk * other.Axis.Pieces * other.PanelLength(chunk);

    // A block of the other operand, of the chunk that begins with a token of the pass.
    float* Others(int from, int block, nint panel) => packsOther ? Shared(from) + other.Axis.FirstPieces[block] * panel : other.At(pass + from, block);

    // The live blocks [i, end) of the list, the first one in a line.
    void Multiply(int line, int i, int end, int from, int depth, float* panels)
    {
        nint ownPanel = own.PanelLength(depth);
        while (i < end)
        {
            int first = line, last = packsOwn ? LastFitting(first, end) : first + 1;
            if (packsOwn) own.Pack(first, last, pass + from, depth, panels, ownPanel);
            for (; line < last; line++)
            {
                float* mine = packsOwn ? panels + (own.Axis.FirstPieces[line] - own.Axis.FirstPieces[first]) * ownPanel : own.At(pass + from, line);
                for (int stop = Math.Min(end, pointers[line + 1]); i < stop; i++) MultiplyBlock(line, indices[i], indices[Math.Min(i + 1, end - 1)], from, depth, mine);
            }
        }
    }

    // The end of the lines that there is room for, from one on, as far as they have live blocks before the list's end.
    int LastFitting(int first, int end)
    {
        int* pieces = own.Axis.FirstPieces;
        int last = first;
        while (last < own.Axis.Count && pieces[last + 1] - pieces[first] <= ownPieces && pointers[last] < end) last++;
        return last;
    }

    // One block; mine: the first piece of its line in the own operand. The first piece of the other operand that the next one reads is on its way during the last tile.
    [SkipLocalsInit]
    void MultiplyBlock(int line, int cross, int nextCross, int from, int depth, float* mine)
    {
        nint ownPanel = packsOwn ? own.PanelLength(depth) : own.Axis.Piece, otherPanel = packsOther ? other.PanelLength(depth) : other.Axis.Piece;
        float* others = Others(from, cross, otherPanel), next = Others(from, nextCross, otherPanel);
        nint ownStride = packsOwn ? own.Axis.Piece : own.Stride, otherStride = packsOther ? other.Axis.Piece : other.Stride;
        (int row, int column) = byRows ? (line, cross) : (cross, line);
        float* a = byRows ? mine : others, b = byRows ? others : mine;
        (nint stepA, nint stepB) = byRows ? (ownPanel, otherPanel) : (otherPanel, ownPanel);
        (nint lda, nint ldb) = byRows ? (ownStride, otherStride) : (otherStride, ownStride);
        (BlockAxis rows, BlockAxis columns) = byRows ? (own.Axis, other.Axis) : (other.Axis, own.Axis);
        bool add = accumulate || pass + from > 0;
        float* edge = stackalloc float[Strip * TTile.Columns];
        for (int skip = 0; skip < rows.Lengths[row]; skip += rows.Piece, a += stepA)
        {
            int height = Math.Min(rows.Piece, rows.Lengths[row] - skip);
            float* c = gradient.Row(rows.Starts[row] + skip) + columns.Starts[column], panel = b;
            for (int left = columns.Lengths[column]; left > 0; left -= TTile.Columns, c += TTile.Columns, panel += stepB)
            {
                float* ahead = skip + rows.Piece >= rows.Lengths[row] && left <= TTile.Columns ? next : others;
                if (height % 4 == 0 && left >= TTile.Columns)
                {
                    GemmBlock.PrefetchTile(c, gradient.Stride, height, TTile.Columns);
                    TTile.Multiply(height, depth, a, lda, panel, ldb, c, gradient.Stride, add, ahead, otherStride);
                    continue;
                }

                TTile.Multiply((height + 3) / 4 * 4, depth, a, lda, panel, ldb, edge, TTile.Columns, accumulate: false, ahead, otherStride);
                GemmBlock.StoreEdge(edge, TTile.Columns, c, gradient.Stride, height, Math.Min(left, TTile.Columns), add);
            }
        }
    }
}
