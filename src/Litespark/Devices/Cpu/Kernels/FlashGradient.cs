using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Backward pass of flash attention for one query head in one worker's scratch memory (Dao et al. 2022): probabilities are recomputed
/// from log Σ exp a block of queries × a block of keys at a time. Blocks of keys are the outer loop: their dK and dV stay close by, while
/// dQ of the whole head gathers in scratch memory. Blocks that are wholly masked are skipped.
/// </summary>
internal readonly unsafe struct FlashGradient<T, TTile> where T : struct, ISimd<T> where TTile : IGemmTile
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
    const int ScoreStride = FlashTiles<T, TTile>.ScoreStride;

    /// <summary>Queries and keys of a block.</summary>
    public const int Block = FlashTiles<T, TTile>.Block;

    readonly int headDim, tokens, stride;
    readonly float scale;
    readonly float* keyPanels, valuePanels, keys, queries, outputGradients, queryGradients, delta;
    readonly float* probabilities, scoreGradients, blockKeyGradients, blockValueGradients;

    /// <summary>First key that each query sees; to be filled before <see cref="Run"/>.</summary>
    public readonly int* First;

    /// <summary>Key behind the last one that each query sees; to be filled before <see cref="Run"/>.</summary>
    public readonly int* End;

    /// <summary>Floats of scratch memory for what is kept of a whole head: linear in <paramref name="tokens"/>.</summary>
    public static long HeadLength(int headDim, int tokens)
        => 2 * FlashTiles<T, TTile>.PackedLength(headDim, tokens) + 4 * FlashTiles<T, TTile>.CopyLength(headDim, tokens)
        + 3L * FlashTiles<T, TTile>.RoundUp(tokens, 16);

    /// <summary>Floats of scratch memory for one block of queries × one block of keys.</summary>
    public static long BlockLength(int headDim) => 2 * FlashTiles<T, TTile>.CopyLength(headDim, Block) + 2 * Block * ScoreStride;

    /// <summary>
    /// Lays the buffers out: those of a head in <paramref name="head"/>, which threads that work on it together share, those of a
    /// block in <paramref name="block"/>, one thread's own.
    /// </summary>
    public FlashGradient(float* head, float* block, int headDim, int tokens, float scale)
    {
        this.headDim = headDim;
        this.tokens = tokens;
        this.scale = scale;
        stride = FlashTiles<T, TTile>.CopyStride(headDim);
        long packed = FlashTiles<T, TTile>.PackedLength(headDim, tokens), copied = FlashTiles<T, TTile>.CopyLength(headDim, tokens);
        keyPanels = head;
        valuePanels = keyPanels + packed;
        keys = valuePanels + packed;
        queries = keys + copied;
        outputGradients = queries + copied;
        queryGradients = outputGradients + copied;
        delta = queryGradients + copied;
        First = (int*)(delta + FlashTiles<T, TTile>.RoundUp(tokens, 16));
        End = First + FlashTiles<T, TTile>.RoundUp(tokens, 16);
        blockKeyGradients = block;
        blockValueGradients = blockKeyGradients + FlashTiles<T, TTile>.CopyLength(headDim, Block);
        probabilities = blockValueGradients + FlashTiles<T, TTile>.CopyLength(headDim, Block);
        scoreGradients = probabilities + Block * ScoreStride;
    }

    /// <summary>Takes in rows [from, to) of the keys and values; from, as in all that follows, is a multiple of <see cref="Block"/>.</summary>
    public void LoadKeys(in HeadOperands head, int from, int to)
    {
        nint panels = from / TTile.Columns * GemmPack.PanelLength(TTile.Columns, headDim);
        GemmPack.Transposed(head.K.Row(from), head.K.Stride, to - from, headDim, TTile.Columns, keyPanels + panels);
        GemmPack.Transposed(head.V.Row(from), head.V.Stride, to - from, headDim, TTile.Columns, valuePanels + panels);
        FlashTiles<T, TTile>.Copy(head.K.Row(from), head.K.Stride, to - from, headDim, keys + (nint)from * stride);
    }

    /// <summary>Takes in rows [from, to) of what belongs to the queries, and clears their gradients.</summary>
    [MethodImpl(Hot)]
    public void LoadQueries(in HeadOperands head, int from, int to)
    {
        nint offset = (nint)from * stride;
        FlashTiles<T, TTile>.Copy(head.Q.Row(from), head.Q.Stride, to - from, headDim, queries + offset);
        FlashTiles<T, TTile>.Copy(head.DO.Row(from), head.DO.Stride, to - from, headDim, outputGradients + offset);
        new Span<float>(queryGradients + offset, (int)FlashTiles<T, TTile>.CopyLength(headDim, to - from)).Clear();
        for (int r = from; r < to; r++) delta[r] = RowMath<T>.Dot(head.O.Row(r), head.DO.Row(r), headDim);
    }

    /// <summary>
    /// What the queries [queryFrom, queryTo) give to the gradients of the keys and values [keyFrom, keyTo) (written, or
    /// with <paramref name="accumulate"/> added to what is there) and get from them.
    /// </summary>
    [MethodImpl(Hot)]
    public void Run(in HeadOperands head, int keyFrom, int keyTo, int queryFrom, int queryTo, bool accumulate)
    {
        int blockLength = (int)FlashTiles<T, TTile>.CopyLength(headDim, Block);
        for (int k0 = keyFrom; k0 < keyTo; k0 += Block)
        {
            new Span<float>(blockKeyGradients, blockLength).Clear();
            new Span<float>(blockValueGradients, blockLength).Clear();
            // A key is never seen by an earlier query.
            for (int q0 = Math.Max(k0, queryFrom); q0 < queryTo; q0 += Block) Tile(q0, Math.Min(Block, queryTo - q0), k0, head.LogSumExp);
            for (int c = 0; c < Math.Min(Block, keyTo - k0); c++)
            {
                Deliver(blockKeyGradients + c * stride, head.DK.Row(k0 + c), accumulate);
                Deliver(blockValueGradients + c * stride, head.DV.Row(k0 + c), accumulate);
            }
        }
    }

    /// <summary>Writes rows [from, to) of dQ.</summary>
    public void DeliverQueries(in HeadOperands head, int from, int to)
    {
        for (int r = from; r < to; r++) RowMath<T>.Copy(queryGradients + (nint)r * stride, head.DQ.Row(r), headDim, headDim);
    }

    void Deliver(float* source, float* destination, bool accumulate)
    {
        if (accumulate) RowMath<T>.Add(source, destination, headDim);
        else RowMath<T>.Copy(source, destination, headDim, headDim);
    }

    [MethodImpl(Hot)]
    void Tile(int q0, int rows, int k0, float* logSumExp)
    {
        int keyCount = Math.Min(Block, tokens - k0), live = 0;
        for (int r = q0; r < q0 + rows; r++) live += Math.Max(0, Math.Min(End[r] - k0, keyCount) - Math.Max(First[r] - k0, 0));
        if (live == 0) return;
        bool full = live == rows * Block;
        if (!full)
        {
            // The column products read rows beyond what is computed below.
            new Span<float>(probabilities, rows * ScoreStride).Clear();
            new Span<float>(scoreGradients, rows * ScoreStride).Clear();
        }
        for (int r = 0; r < rows; r += TTile.Rows) Strip(q0, r, Math.Min(TTile.Rows, rows - r), k0, keyCount, logSumExp);
        for (int c = 0; c < keyCount; c += TTile.Rows)
        {
            int top = 0, bottom = rows;
            if (!full)
            {
                while (top < bottom && !Sees(q0 + top, k0 + c)) top++;
                while (top < bottom && !Sees(q0 + bottom - 1, k0 + c)) bottom--;
                if (top == bottom) continue;
            }
            nint from = (nint)(q0 + top) * stride;
            FlashTiles<T, TTile>.ColumnProduct(probabilities + top * ScoreStride + c, bottom - top, outputGradients + from, headDim,
                blockValueGradients + c * stride);
            FlashTiles<T, TTile>.ColumnProduct(scoreGradients + top * ScoreStride + c, bottom - top, queries + from, headDim,
                blockKeyGradients + c * stride);
        }
    }

    /// <summary>Whether a query sees any key of the tile of columns that begins with <paramref name="key"/>.</summary>
    bool Sees(int query, int key) => First[query] < key + TTile.Rows && End[query] > key;

    [MethodImpl(Hot)]
    void Strip(int q0, int r, int rows, int k0, int keyCount, float* logSumExp)
    {
        int row0 = q0 + r;
        (int low, int high) = FlashTiles<T, TTile>.Span(First + row0, End + row0, rows, k0, keyCount);
        if (low >= high) return;
        int from = low / TTile.Columns * TTile.Columns, to = FlashTiles<T, TTile>.RoundUp(high, TTile.Columns);
        float* p = probabilities + r * ScoreStride, dS = scoreGradients + r * ScoreStride;
        nint offset = (nint)row0 * stride;
        FlashTiles<T, TTile>.Scores(queries + offset, headDim, keyPanels, k0, from, to, p, ScoreStride);
        FlashTiles<T, TTile>.Scores(outputGradients + offset, headDim, valuePanels, k0, from, to, dS, ScoreStride);
        for (int i = 0; i < rows; i++)
        {
            // Rows see different keys only in blocks at the edge of a mask.
            int begin = Math.Max(First[row0 + i] - k0, from), end = Math.Max(Math.Min(End[row0 + i] - k0, to), begin);
            if (begin > from) new Span<float>(p + i * ScoreStride + from, Math.Min(begin, to) - from).Fill(RowMath<T>.MinusInfinity);
            if (end < to) new Span<float>(p + i * ScoreStride + end, to - end).Fill(RowMath<T>.MinusInfinity);
        }
        ScoreGradients(p, dS, rows, logSumExp + row0, delta + row0, from, to);
        FlashTiles<T, TTile>.RowProduct(dS + low, ScoreStride, high - low, keys + (nint)(k0 + low) * stride, headDim, queryGradients + offset);
    }

    /// <summary>
    /// In the columns [from, to) of a strip: p = exp(scale · p − lse) from scores, g = scale · p · (g − delta) from gradients of p.
    /// </summary>
    [MethodImpl(Hot)]
    void ScoreGradients(float* p, float* g, int rows, float* logSumExp, float* delta, int from, int to)
    {
        T s = T.Broadcast(scale), s2 = T.Broadcast(scale * VectorMath.Log2E);
        for (int i = 0; i < rows; i++, p += ScoreStride, g += ScoreStride)
        {
            T d = T.Broadcast(-scale * delta[i]), shift = T.Broadcast(-VectorMath.Log2E * logSumExp[i]);
            for (int c = from; c < to; c += 2 * T.Count)
            {
                T p0 = VectorMath.Exp2(T.MultiplyAdd(T.Load(p + c), s2, shift));
                T p1 = VectorMath.Exp2(T.MultiplyAdd(T.Load(p + c + T.Count), s2, shift));
                T.Store(p0, p + c);
                T.Store(p1, p + c + T.Count);
                T.Store(p0 * T.MultiplyAdd(T.Load(g + c), s, d), g + c);
                T.Store(p1 * T.MultiplyAdd(T.Load(g + c + T.Count), s, d), g + c + T.Count);
            }
        }
    }
}
