using System.Runtime.CompilerServices;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// dW (+)= aᵀ·b in the live blocks alone. A live block's columns of the operands are lines far apart that no hardware foresees. So operands are
/// packed into panels [token][piece of a block] unless they can be read where they lie: that of the longer axis by the task that owns its live
/// blocks, chunk by chunk, so that it stays in the second cache (<see cref="PacksOwn"/>); that of the shorter one by all workers, for some tokens
/// (<see cref="BlockSparseOperand.IsReadable"/>). The sums of a chunk are added to those before it. Tiles that take several blocks of a line at a time
/// (<see cref="BlockGradientGroup"/>) sum them with the line's columns as rows: where these are the gradient's columns, blocks lie turned until the last chunk.
/// </summary>
internal sealed unsafe class BlockSparseOuter<TTile> : CpuKernel, IParallelWork where TTile : struct, IBlockGradientTile
{
    // Rows of a block that tiles take at a time; half of it where blocks are no higher.
    const int Strip = 16;

    // Tokens of a chunk: a panel of both operands fits into the first cache (of a group's, which read from the second one, four into a larger one).
    const int LongestChunk = 128;

    // A task's panels at a time, of a chunk.
    const int OwnFloats = 96 * 1024;

    // Live blocks of a line, on average, that make up for packing it.
    const int EnoughBlocks = 4;

    // Lines of an operand in place that want a place of their own in the first cache, as do those of the blocks beside it.
    const int EnoughPlaces = 16;

    const int TasksPerThread = 8;

    readonly Matrix gradient;
    readonly BlockSparseOperand own, other;
    readonly bool accumulate, byRows, packsOther, groups;
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

        groups = TTile.Groups && rows.Axis.Longest == BlockGradientGroup.Side && columns.Axis.Longest == BlockGradientGroup.Side;
        chunk = GemmBlocking.Even(tokens, LongestChunk, 1);
        packsOther = !other.IsReadable(chunk, groups);
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
        packsOwn = PacksOwn(live);
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
        bool turns = groups && !byRows;
        int first = (int)((long)live * task / tasks), end = (int)((long)live * (task + 1) / tasks), line = 0;
        while (pointers[line + 1] <= first) line++;
        if (turns && accumulate && pass == 0) Turn(line, first, end);
        // Worth it where most of the other operand is used.
        bool fetches = !packsOther && end - first >= other.Axis.Count;
        for (int from = 0; from < passTokens; from += chunk)
        {
            int depth = Math.Min(chunk, passTokens - from);
            if (fetches) other.Fetch(pass + from, depth);
            Multiply(line, first, end, from, depth, pool!.Scratch(worker));
        }

        if (turns && pass + passTokens == tokens) Turn(line, first, end);
    }

    // Where a tile waits for every element that is not in the first cache, packing always pays. Groups of blocks read from the second one nearly as
    // fast, and a line costs more to pack than to read a few times, unless its rows fall into the same lines of all caches.
    bool PacksOwn(int live)
        => !groups || !own.HasWholeLines || (live >= EnoughBlocks * own.Axis.Count && own.Collides(EnoughPlaces));

    // Groups of the live blocks [i, end) of the list, the first one in a line, are turned.
    void Turn(int line, int i, int end)
    {
        for (; i < end; i++)
        {
            while (pointers[line + 1] <= i) line++;
            if (IsWhole(line, indices[i])) BlockGradientGroup.Turn(Block(line, indices[i]), gradient.Stride);
        }
    }

    // Whether a block is as large as groups take them.
    bool IsWhole(int line, int cross) => own.Axis.Lengths[line] == BlockGradientGroup.Side && other.Axis.Lengths[cross] == BlockGradientGroup.Side;

    // A block of the gradient.
    float* Block(int line, int cross)
        => byRows ? gradient.Row(own.Axis.Starts[line]) + other.Axis.Starts[cross] : gradient.Row(other.Axis.Starts[cross]) + own.Axis.Starts[line];

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
                int stop = Math.Min(end, pointers[line + 1]);
                while (i < stop)
                {
                    int group = groups ? GroupFrom(line, i, stop) : 0;
                    if (group > 0) MultiplyGroup(line, i, group, from, depth, mine, isLast: i + group == stop);
                    else MultiplyBlock(line, indices[i], indices[Math.Min(i + 1, end - 1)], from, depth, mine);
                    i += Math.Max(group, 1);
                }
            }
        }
    }

    // How many of a line's live blocks [i, stop) to take at a time: none where the first one is not whole. Four are two pairs.
    int GroupFrom(int line, int i, int stop)
    {
        int whole = 0;
        while (whole <= BlockGradientGroup.Most && i + whole < stop && IsWhole(line, indices[i + whole])) whole++;
        return whole <= BlockGradientGroup.Most ? whole : i + whole == stop ? 2 : BlockGradientGroup.Most;
    }

    // Some blocks of a line. Once its last ones are multiplied, the next line is read.
    void MultiplyGroup(int line, int i, int blocks, int from, int depth, float* mine, bool isLast)
    {
        nint otherPanel = packsOther ? other.PanelLength(depth) : other.Axis.Piece, ownStride = packsOwn ? own.Axis.Piece : own.Stride;
        nint otherStride = packsOther ? other.Axis.Piece : other.Stride;
        float* next = !isLast || line + 1 == own.Axis.Count ? mine : packsOwn ? mine + own.PanelLength(depth) : own.At(pass + from, line + 1);
        bool add = accumulate || pass + from > 0;
        var group = new BlockGradientGroup { Own = mine, OwnStride = ownStride, OtherStride = otherStride, Stride = gradient.Stride, Next = next };
        group.Other0 = Others(from, indices[i], otherPanel);
        group.C0 = Block(line, indices[i]);
        if (blocks == 1)
        {
            TTile.Multiply(BlockGradientGroup.Side, depth, mine, ownStride, group.Other0, otherStride, group.C0, gradient.Stride, add, next, ownStride);
            return;
        }

        group.Other1 = Others(from, indices[i + 1], otherPanel);
        group.C1 = Block(line, indices[i + 1]);
        if (blocks > 2)
        {
            group.Other2 = Others(from, indices[i + 2], otherPanel);
            group.C2 = Block(line, indices[i + 2]);
        }

        group.Multiply(blocks, depth, add);
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
