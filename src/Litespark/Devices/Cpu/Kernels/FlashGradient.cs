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

    /// <summary>Queries of a block; its keys are a multiple.</summary>
    public const int Block = FlashTiles<T, TTile>.Block;

    // Widest head of which twice as many keys, with what goes with them, stay in the second cache.
    const int WidestForTwo = 64;

    // Strips of query rows that share what they read of a block of keys.
    const int Strips = 2;

    // Panels of a column product's operand that stay in the first-level cache.
    const int PanelsAtOnce = 3;

    // Tiles of rows or columns per block at most.
    const int MaxTiles = 32;

    // The part of a block that matters to each strip of a group, then to each tile of columns.
    readonly int* low, high;
    readonly int headDim, tokens, stride, keyBlock, scoreStride;
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

    /// <summary>
    /// Keys of a block at most: for each block of keys all queries pass by, which lie beyond the second cache where there are many.
    /// </summary>
    public static int KeyBlock(int headDim) => headDim <= WidestForTwo ? 2 * Block : Block;

    /// <summary>Floats of scratch memory for one block of queries × one block of keys.</summary>
    public static long BlockLength(int headDim, int keyBlock)
        => 2 * FlashTiles<T, TTile>.CopyLength(headDim, keyBlock) + 2L * Block * FlashTiles<T, TTile>.ScoreStride(keyBlock) + 2 * MaxTiles;

    /// <summary>
    /// Lays the buffers out: those of a head in <paramref name="head"/>, which threads that work on it together share, those of a
    /// block in <paramref name="block"/>, one thread's own.
    /// </summary>
    public FlashGradient(float* head, float* block, int headDim, int tokens, float scale, int keyBlock)
    {
        this.keyBlock = keyBlock;
        scoreStride = FlashTiles<T, TTile>.ScoreStride(keyBlock);
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
        blockValueGradients = blockKeyGradients + FlashTiles<T, TTile>.CopyLength(headDim, keyBlock);
        probabilities = blockValueGradients + FlashTiles<T, TTile>.CopyLength(headDim, keyBlock);
        scoreGradients = probabilities + Block * scoreStride;
        low = (int*)(scoreGradients + Block * scoreStride);
        high = low + MaxTiles;
    }

    /// <summary>Takes in rows [from, to) of the keys and values; from, as in all that follows, is a multiple of a block of keys.</summary>
    public void LoadKeys(in HeadOperands head, int from, int to)
    {
        nint panels = from / TTile.Columns * GemmPack.PanelLength(TTile.Columns, headDim);
        GemmPack.Transposed(head.K.Row(from), head.K.Stride, to - from, headDim, TTile.Columns, keyPanels + panels, scale * Exp2.Log2E);
        GemmPack.Transposed(head.V.Row(from), head.V.Stride, to - from, headDim, TTile.Columns, valuePanels + panels, scale);
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
        int blockLength = (int)FlashTiles<T, TTile>.CopyLength(headDim, keyBlock);
        for (int k0 = keyFrom; k0 < keyTo; k0 += keyBlock)
        {
            new Span<float>(blockKeyGradients, blockLength).Clear();
            new Span<float>(blockValueGradients, blockLength).Clear();
            // A key is never seen by an earlier query.
            for (int q0 = Math.Max(k0, queryFrom); q0 < queryTo; q0 += Block) Tile(q0, Math.Min(Block, queryTo - q0), k0, head.LogSumExp);
            for (int c = 0; c < Math.Min(keyBlock, keyTo - k0); c++)
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
        int keyCount = Math.Min(keyBlock, tokens - k0), live = 0;
        for (int r = q0; r < q0 + rows; r++) live += Math.Max(0, Math.Min(End[r] - k0, keyCount) - Math.Max(First[r] - k0, 0));
        if (live == 0) return;
        bool full = live == rows * keyBlock;
        if (!full)
        {
            // The column products read rows beyond what is computed below.
            new Span<float>(probabilities, rows * scoreStride).Clear();
            new Span<float>(scoreGradients, rows * scoreStride).Clear();
        }
        for (int r = 0; r < rows; r += Strips * TTile.Rows) Group(q0, r, Math.Min(Strips * TTile.Rows, rows - r), k0, keyCount, logSumExp);
        int tiles = (keyCount + TTile.Rows - 1) / TTile.Rows;
        for (int i = 0; i < tiles; i++)
        {
            (low[i], high[i]) = (0, rows);
            if (full) continue;
            while (low[i] < high[i] && !Sees(q0 + low[i], k0 + i * TTile.Rows)) low[i]++;
            while (low[i] < high[i] && !Sees(q0 + high[i] - 1, k0 + i * TTile.Rows)) high[i]--;
        }
        ColumnProducts(probabilities, tiles, outputGradients + (nint)q0 * stride, blockValueGradients);
        ColumnProducts(scoreGradients, tiles, queries + (nint)q0 * stride, blockKeyGradients);
    }

    /// <summary>
    /// accumulator[c, d] += Σ_r p[r, c] · b[r, d] for each tile of columns over the rows [low, high) noted for it. A few panels of b at a
    /// time: they stay in the first-level cache while the columns pass by.
    /// </summary>
    [MethodImpl(Hot)]
    void ColumnProducts(float* p, int tiles, float* b, float* accumulator)
    {
        for (int d0 = 0; d0 < headDim; d0 += PanelsAtOnce * TTile.Columns)
        {
            int end = Math.Min(d0 + PanelsAtOnce * TTile.Columns, headDim);
            for (int i = 0; i < tiles; i++)
            {
                if (low[i] >= high[i]) continue;
                for (int d = d0; d < end; d += TTile.Columns)
                {
                    TTile.ColumnMajorA(high[i] - low[i], p + low[i] * scoreStride + i * TTile.Rows, scoreStride,
                        b + (nint)low[i] * stride + d, stride, accumulator + (nint)i * TTile.Rows * stride + d, stride, accumulate: true);
                }
            }
        }
    }

    /// <summary>Whether a query sees any key of the tile of columns that begins with <paramref name="key"/>.</summary>
    bool Sees(int query, int key) => First[query] < key + TTile.Rows && End[query] > key;

    /// <summary>
    /// A group of strips of query rows against a block of keys: P, dS, and what the keys give to dQ. Strips are the inner loops:
    /// each panel of keys and of values is read from the first-level cache by all but the first strip.
    /// </summary>
    [MethodImpl(Hot)]
    void Group(int q0, int r0, int rows, int k0, int keyCount, float* logSumExp)
    {
        int strips = (rows + TTile.Rows - 1) / TTile.Rows;
        for (int s = 0; s < strips; s++)
        {
            int row = q0 + r0 + s * TTile.Rows;
            (low[s], high[s]) = FlashTiles<T, TTile>.Span(First + row, End + row, Math.Min(TTile.Rows, rows - s * TTile.Rows), k0, keyCount);
        }
        nint offset = (nint)(q0 + r0) * stride;
        Scores(strips, queries + offset, keyPanels, k0, keyCount, probabilities + r0 * scoreStride);
        Scores(strips, outputGradients + offset, valuePanels, k0, keyCount, scoreGradients + r0 * scoreStride);
        for (int s = 0; s < strips; s++)
        {
            if (low[s] < high[s]) ScoreGradients(q0, r0 + s * TTile.Rows, Math.Min(TTile.Rows, rows - s * TTile.Rows), k0, low[s], high[s], logSumExp);
        }
        for (int d = 0; d < headDim; d += TTile.Columns)
        {
            for (int s = 0; s < strips; s++)
            {
                if (low[s] >= high[s]) continue;
                TTile.RowMajorA(high[s] - low[s], scoreGradients + (r0 + s * TTile.Rows) * scoreStride + low[s], scoreStride,
                    keys + (nint)(k0 + low[s]) * stride + d, stride, queryGradients + offset + s * TTile.Rows * stride + d, stride, accumulate: true);
            }
        }
    }

    /// <summary>destination[r, c] = Σ_d a[r, d] · b[d, k0 + c] for a group of strips, in the tiles of columns that hold keys [low, high) of a strip.</summary>
    [MethodImpl(Hot)]
    void Scores(int strips, float* a, float* panels, int k0, int keyCount, float* destination)
    {
        nint panel = GemmPack.PanelLength(TTile.Columns, headDim);
        float* b = panels + k0 / TTile.Columns * panel;
        for (int c = 0; c < keyCount; c += TTile.Columns, b += panel)
        {
            for (int s = 0; s < strips; s++)
            {
                if (c + TTile.Columns <= low[s] || c >= high[s]) continue;
                TTile.RowMajorA(headDim, a + s * TTile.Rows * stride, stride, b, TTile.Columns,
                    destination + s * TTile.Rows * scoreStride + c, scoreStride, accumulate: false);
            }
        }
    }

    /// <summary>P and dS of a strip in the columns that hold keys [low, high), from its scores in powers of two and its scaled gradients of P.</summary>
    void ScoreGradients(int q0, int r, int rows, int k0, int low, int high, float* logSumExp)
    {
        int from = low / TTile.Columns * TTile.Columns, to = FlashTiles<T, TTile>.RoundUp(high, TTile.Columns), row = q0 + r;
        float* p = probabilities + r * scoreStride;
        // Rows see different keys only in blocks at the edge of a mask.
        for (int i = 0; i < rows; i++)
        {
            float* scores = p + i * scoreStride;
            int begin = Math.Max(First[row + i] - k0, from), end = Math.Max(Math.Min(End[row + i] - k0, to), begin);
            if (begin > from) new Span<float>(scores + from, Math.Min(begin, to) - from).Fill(RowMath<T>.MinusInfinity);
            if (end < to) new Span<float>(scores + end, to - end).Fill(RowMath<T>.MinusInfinity);
        }
        ScoreGradients(p, scoreGradients + r * scoreStride, scoreStride, rows, from, to, logSumExp + row, delta + row, scale);
    }

    /// <summary>
    /// In the columns [from, to): p = 2^(p − lse · log₂ e), 0 where masked; g = p · (g − scale · delta). A method of its own, static and without calls:
    /// only then do the constants stay in registers.
    /// </summary>
    [MethodImpl(Hot)]
    static void ScoreGradients(float* p, float* g, nint stride, int rows, int from, int to, float* logSumExp, float* delta, float scale)
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        for (int r = 0; r < rows; r++, p += stride, g += stride)
        {
            T shift = T.Broadcast(Exp2.Log2E * logSumExp[r]), d = T.Broadcast(scale * delta[r]);
            for (nint c = from; c < to; c += T.Count)
            {
                T e = exp2.Of(T.Load(p + c) - shift);
                T.Store(e, p + c);
                T.Store(e * (T.Load(g + c) - d), g + c);
            }
        }
    }
}
