using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Backward pass of flash attention for one query head in one worker's scratch memory (Dao et al. 2022): probabilities are recomputed
/// from log Σ exp a block of queries × a block of keys at a time. Blocks of keys are the outer loop: their dK and dV stay close by, while
/// dQ of the whole head gathers in scratch memory. Blocks that are wholly masked are skipped, and of the others what no <see cref="TileSelection"/> asks for.
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

    // Strips of a block of queries at most.
    const int MaxStrips = Block / 6;

    // Keys of a block, relative to its first one, that each strip of queries sees, which grains of them it needs, and which register tiles compute.
    readonly int* stripLow, stripHigh;
    readonly uint* stripLive, stripComputed;

    // A run of queries of a block, relative to its first one, whose strips need each tile of columns, and which strips behind it need it too.
    readonly int* low, high;
    readonly uint* further;
    readonly int headDim, tokens, stride, keyBlock, scoreStride;
    readonly float scale;
    readonly float* keyPanels, valuePanels;

    // Keys packed along the head dimension, and from one panel of these to the next.
    readonly float* keys;
    readonly nint keyPanel;
    readonly float* queries, outputGradients, queryGradients, delta;
    readonly float* probabilities, scoreGradients, blockKeyGradients, blockValueGradients;

    /// <summary>First key that each query sees; to be filled before <see cref="Run"/>.</summary>
    public readonly int* First;

    /// <summary>Key behind the last one that each query sees; to be filled before <see cref="Run"/>.</summary>
    public readonly int* End;

    // First key that any query of a block sees.
    readonly int* blockFirst;

    readonly byte* bits;
    readonly LiveTiles<T, TTile> tiles;

    /// <summary>Floats of scratch memory for what is kept of a whole head: linear in <paramref name="tokens"/>, but for a bit for each tile with a pattern.</summary>
    public static long HeadLength(int headDim, int tokens, bool hasPattern)
        => 2 * FlashTiles<T, TTile>.PackedAcrossLength(headDim, tokens) + FlashTiles<T, TTile>.PackedAlongLength(headDim, tokens) + 3 * FlashTiles<T, TTile>.CopyLength(headDim, tokens)
        + 3L * FlashTiles<T, TTile>.RoundUp(tokens, 16) + FlashTiles<T, TTile>.RoundUp((tokens + Block - 1) / Block, 16)
        + (hasPattern ? LiveTiles<T, TTile>.BitsLength(tokens, tokens) + LiveTiles<T, TTile>.KeyLength(headDim, tokens) : 0);

    /// <summary>
    /// Keys of a block at most: for each block of keys all queries pass by, which lie beyond the second cache where there are many.
    /// </summary>
    public static int KeyBlock(int headDim) => headDim <= WidestForTwo ? 2 * Block : Block;

    /// <summary>Floats of scratch memory for one block of queries × one block of keys.</summary>
    public static long BlockLength(int headDim, int keyBlock)
        => 2 * FlashTiles<T, TTile>.CopyLength(headDim, keyBlock) + 2L * Block * FlashTiles<T, TTile>.ScoreStride(keyBlock)
        + 3 * MaxTiles + 4 * MaxStrips + LiveTiles<T, TTile>.OwnLength(headDim);

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
        long packed = FlashTiles<T, TTile>.PackedAcrossLength(headDim, tokens), copied = FlashTiles<T, TTile>.CopyLength(headDim, tokens);
        keyPanels = head;
        valuePanels = keyPanels + packed;
        keys = valuePanels + packed;
        keyPanel = GemmPack.PanelLength(TTile.Columns, tokens);
        queries = keys + FlashTiles<T, TTile>.PackedAlongLength(headDim, tokens);
        outputGradients = queries + copied;
        queryGradients = outputGradients + copied;
        delta = queryGradients + copied;
        First = (int*)(delta + FlashTiles<T, TTile>.RoundUp(tokens, 16));
        End = First + FlashTiles<T, TTile>.RoundUp(tokens, 16);
        blockFirst = End + FlashTiles<T, TTile>.RoundUp(tokens, 16);
        bits = (byte*)(blockFirst + FlashTiles<T, TTile>.RoundUp((tokens + Block - 1) / Block, 16));
        float* keptOfKeys = (float*)bits + LiveTiles<T, TTile>.BitsLength(tokens, tokens);
        blockKeyGradients = block;
        blockValueGradients = blockKeyGradients + FlashTiles<T, TTile>.CopyLength(headDim, keyBlock);
        probabilities = blockValueGradients + FlashTiles<T, TTile>.CopyLength(headDim, keyBlock);
        scoreGradients = probabilities + Block * scoreStride;
        low = (int*)(scoreGradients + Block * scoreStride);
        high = low + MaxTiles;
        further = (uint*)(high + MaxTiles);
        stripLow = (int*)(further + MaxTiles);
        stripHigh = stripLow + MaxStrips;
        stripLive = (uint*)(stripHigh + MaxStrips);
        stripComputed = stripLive + MaxStrips;
        tiles = new LiveTiles<T, TTile>(keptOfKeys, (float*)(stripComputed + MaxStrips), headDim, tokens);
    }

    /// <summary>Takes in rows [from, to) of the keys and values; from, as in all that follows, is a multiple of a block of keys.</summary>
    public void LoadKeys(in HeadOperands head, int from, int to)
    {
        nint panels = from / TTile.Columns * GemmPack.PanelLength(TTile.Columns, headDim);
        GemmPack.Transposed(head.K.Row(from), head.K.Stride, to - from, headDim, TTile.Columns, keyPanels + panels, scale * Exp2.Log2E);
        GemmPack.Transposed(head.V.Row(from), head.V.Stride, to - from, headDim, TTile.Columns, valuePanels + panels, scale);
        GemmPack.Contiguous(head.K.Row(from), head.K.Stride, headDim, to - from, TTile.Columns, keys + (nint)from * TTile.Columns, keyPanel, 1);
    }

    /// <summary>Takes in rows [from, to) of the keys for <see cref="Select"/>; needed with a threshold only.</summary>
    public void LoadKeysToSelect(in HeadOperands head, int from, int to) => tiles.LoadKeys(head.K, from, to);

    /// <summary>Takes in rows [from, to) of what belongs to the queries, and clears their gradients; <see cref="First"/> is known.</summary>
    [MethodImpl(Hot)]
    public void LoadQueries(in HeadOperands head, int from, int to)
    {
        for (int r = from; r < to; r++)
        {
            FlashTiles<T, TTile>.CopyRow(head.Q.Row(r), head.Q.Stride, headDim, queries + (nint)r * stride);
            FlashTiles<T, TTile>.CopyRow(head.DO.Row(r), head.DO.Stride, headDim, outputGradients + (nint)r * stride);
            FlashTiles<T, TTile>.Ask(head.O.Row(r), head.O.Stride, headDim);
            delta[r] = RowMath<T>.Dot(head.O.Row(r), head.DO.Row(r), headDim);
            blockFirst[r / Block] = r % Block == 0 ? First[r] : Math.Min(blockFirst[r / Block], First[r]);
        }

        FlashTiles<T, TTile>.ClearRest(queries, to, headDim);
        FlashTiles<T, TTile>.ClearRest(outputGradients, to, headDim);
        new Span<float>(queryGradients + (nint)from * stride, (int)FlashTiles<T, TTile>.CopyLength(headDim, to - from)).Clear();
    }

    /// <summary>Selects what the queries [from, to) compute, of all keys; what a run of keys is made of needs no selection.</summary>
    public void Select(in HeadOperands head, in AttentionPattern pattern, float threshold, int from, int to)
    {
        int stripBytes = LiveTiles<T, TTile>.StripBytes(tokens);
        for (int r = from; r < to; r += TTile.Rows)
        {
            tiles.Select(bits + r / TTile.Rows * stripBytes, pattern, threshold, head.Q, queries + (nint)r * stride, head.K, r, r, Math.Min(TTile.Rows, to - r), First + r);
        }
    }

    /// <summary>What <see cref="Select"/> has selected.</summary>
    public TileSelection Selection(in AttentionPattern pattern) => new(pattern, 0, bits, LiveTiles<T, TTile>.StripBytes(tokens));

    /// <summary>
    /// What the queries [queryFrom, queryTo) give to the gradients of the keys and values [keyFrom, keyTo) (written, or
    /// with <paramref name="accumulate"/> added to what is there) and get from them.
    /// </summary>
    [MethodImpl(Hot)]
    public void Run(in HeadOperands head, int keyFrom, int keyTo, int queryFrom, int queryTo, bool accumulate, in TileSelection selection)
    {
        int blockLength = (int)FlashTiles<T, TTile>.CopyLength(headDim, keyBlock);
        for (int k0 = keyFrom; k0 < keyTo; k0 += keyBlock)
        {
            new Span<float>(blockKeyGradients, blockLength).Clear();
            new Span<float>(blockValueGradients, blockLength).Clear();
            // A key is never seen by an earlier query.
            for (int q0 = Math.Max(k0, queryFrom); q0 < queryTo; q0 += Block)
            {
                if (blockFirst[q0 / Block] < k0 + keyBlock) Tile(q0, Math.Min(Block, queryTo - q0), k0, head.LogSumExp, selection);
            }
            for (int c = 0; c < Math.Min(keyBlock, keyTo - k0); c++)
            {
                Deliver(blockKeyGradients + c * stride, head.DK.Row(k0 + c), head.DK.Stride, accumulate);
                Deliver(blockValueGradients + c * stride, head.DV.Row(k0 + c), head.DV.Stride, accumulate);
            }
        }
    }

    /// <summary>Writes rows [from, to) of dQ.</summary>
    public void DeliverQueries(in HeadOperands head, int from, int to)
    {
        for (int r = from; r < to; r++) Deliver(queryGradients + (nint)r * stride, head.DQ.Row(r), head.DQ.Stride, accumulate: false);
    }

    void Deliver(float* source, float* destination, nint rowStride, bool accumulate)
    {
        FlashTiles<T, TTile>.Ask(destination, rowStride, headDim);
        if (accumulate) RowMath<T>.Add(source, destination, headDim);
        else RowMath<T>.Copy(source, destination, headDim, headDim);
    }

    [MethodImpl(Hot)]
    void Tile(int q0, int rows, int k0, float* logSumExp, in TileSelection selection)
    {
        int keyCount = Math.Min(keyBlock, tokens - k0), live = 0;
        for (int r = q0; r < q0 + rows; r++) live += Math.Max(0, Math.Min(End[r] - k0, keyCount) - Math.Max(First[r] - k0, 0));
        if (live == 0) return;
        bool full = live == rows * keyBlock && selection.All;
        int strips = (rows + TTile.Rows - 1) / TTile.Rows;
        uint any = 0;
        for (int s = 0; s < strips; s++)
        {
            int row = q0 + s * TTile.Rows;
            (stripLow[s], stripHigh[s]) = FlashTiles<T, TTile>.Span(First + row, End + row, Math.Min(TTile.Rows, rows - s * TTile.Rows), k0, keyCount);
            any |= stripLive[s] = selection.Live(row / TTile.Rows, k0, stripLow[s], stripHigh[s]);
            stripComputed[s] = FlashTiles<T, TTile>.Computed(stripLive[s]);
            if (!full) ClearEdges(s);
        }
        if (any == 0) return;
        for (int r = 0; r < rows; r += Strips * TTile.Rows) Group(q0, r, Math.Min(Strips * TTile.Rows, rows - r), k0, logSumExp, selection);
        int columnTiles = (keyCount + TTile.Rows - 1) / TTile.Rows;
        for (int i = 0; i < columnTiles; i++)
        {
            (low[i], high[i], further[i]) = (0, rows, 0);
            if (full) continue;
            further[i] = StripsThatNeed(i, strips);
            (low[i], high[i]) = further[i] == 0 ? (0, 0) : TileSelection.NextRun(ref further[i], TTile.Rows);
        }
        ColumnProducts(probabilities, columnTiles, outputGradients + (nint)q0 * stride, blockValueGradients);
        ColumnProducts(scoreGradients, columnTiles, queries + (nint)q0 * stride, blockKeyGradients);
    }

    /// <summary>Clears what is not computed of a strip in tiles of columns that are in part: the column products read whole tiles.</summary>
    void ClearEdges(int strip)
    {
        for (uint rest = stripComputed[strip]; rest != 0;)
        {
            (int from, int to) = TileSelection.NextRun(ref rest);
            ClearColumns(strip, from / TTile.Rows * TTile.Rows, from);
            ClearColumns(strip, to, FlashTiles<T, TTile>.RoundUp(to, TTile.Rows));
        }
    }

    void ClearColumns(int strip, int from, int to)
    {
        if (from >= to) return;
        nint row = (nint)strip * TTile.Rows * scoreStride;
        for (int r = 0; r < TTile.Rows; r++, row += scoreStride)
        {
            new Span<float>(probabilities + row + from, to - from).Clear();
            new Span<float>(scoreGradients + row + from, to - from).Clear();
        }
    }

    /// <summary>The strips of a block of queries that need any key of a tile of columns, as bits.</summary>
    uint StripsThatNeed(int columnTile, int strips)
    {
        int from = columnTile * TTile.Rows / TileSelection.Grain, to = ((columnTile + 1) * TTile.Rows - 1) / TileSelection.Grain;
        uint keys = (2u << to) - (1u << from), found = 0;
        for (int s = 0; s < strips; s++)
            if ((stripLive[s] & keys) != 0 && stripLow[s] < (columnTile + 1) * TTile.Rows && stripHigh[s] > columnTile * TTile.Rows) found |= 1u << s;
        return found;
    }

    /// <summary>
    /// accumulator[c, d] += Σ_r p[r, c] · b[r, d] for each tile of columns over the rows [low, high) and the further strips noted for it.
    /// A few panels of b at a time: they stay in the first-level cache while the columns pass by.
    /// </summary>
    [MethodImpl(Hot)]
    void ColumnProducts(float* p, int columnTiles, float* b, float* accumulator)
    {
        for (int d0 = 0; d0 < headDim; d0 += PanelsAtOnce * TTile.Columns)
        {
            int end = Math.Min(d0 + PanelsAtOnce * TTile.Columns, headDim);
            for (int i = 0; i < columnTiles; i++)
            {
                if (low[i] >= high[i]) continue;
                int from = low[i], to = high[i];
                for (uint rest = further[i]; ; (from, to) = TileSelection.NextRun(ref rest, TTile.Rows))
                {
                    for (int d = d0; d < end; d += TTile.Columns)
                    {
                        TTile.ColumnMajorA(to - from, p + from * scoreStride + i * TTile.Rows, scoreStride,
                            b + (nint)from * stride + d, stride, accumulator + (nint)i * TTile.Rows * stride + d, stride, accumulate: true);
                    }
                    if (rest == 0) break;
                }
            }
        }
    }

    /// <summary>
    /// A group of strips of query rows against a block of keys: P, dS, and what the keys give to dQ. Strips are the inner loops:
    /// each panel of keys and of values is read from the first-level cache by all but the first strip.
    /// </summary>
    [MethodImpl(Hot)]
    void Group(int q0, int r0, int rows, int k0, float* logSumExp, in TileSelection selection)
    {
        int strips = (rows + TTile.Rows - 1) / TTile.Rows, first = r0 / TTile.Rows;
        uint any = 0;
        for (int s = 0; s < strips; s++) any |= stripLive[first + s];
        if (any == 0) return;
        nint offset = (nint)(q0 + r0) * stride;
        // dQ of a long head is beyond the second cache, and read only where a tile's sums are added to it.
        Prefetch.Nearby(queryGradients + offset, rows * stride);
        nint panels = k0 / TTile.Columns * GemmPack.PanelLength(TTile.Columns, headDim);
        FlashTiles<T, TTile>.Scores(stripComputed + first, strips, headDim, queries + offset, keyPanels + panels, probabilities + r0 * scoreStride, scoreStride);
        FlashTiles<T, TTile>.Scores(stripComputed + first, strips, headDim, outputGradients + offset, valuePanels + panels, scoreGradients + r0 * scoreStride, scoreStride);
        for (int s = 0; s < strips; s++)
        {
            int r = r0 + s * TTile.Rows, row = q0 + r, stripRows = Math.Min(TTile.Rows, rows - s * TTile.Rows);
            FlashTiles<T, TTile>.Mask(probabilities + r * scoreStride, scoreStride, row, stripRows, First + row, End + row, k0, stripLive[first + s], stripComputed[first + s], selection);
            for (uint rest = stripComputed[first + s]; rest != 0;)
            {
                (int from, int to) = TileSelection.NextRun(ref rest);
                ScoreGradients(probabilities + r * scoreStride, scoreGradients + r * scoreStride, scoreStride, stripRows, from, to, logSumExp + row, delta + row, scale);
            }
        }
        float* b = keys + (nint)k0 * TTile.Columns;
        for (int d = 0; d < headDim; d += TTile.Columns, b += keyPanel)
        {
            for (int s = 0; s < strips; s++)
            {
                for (uint rest = stripLive[first + s]; rest != 0;)
                {
                    (int from, int to) = TileSelection.NextRun(ref rest);
                    from = Math.Max(from, stripLow[first + s]);
                    to = Math.Min(to, stripHigh[first + s]);
                    TTile.RowMajorA(to - from, scoreGradients + (r0 + s * TTile.Rows) * scoreStride + from, scoreStride,
                        b + (nint)from * TTile.Columns, TTile.Columns, queryGradients + offset + s * TTile.Rows * stride + d, stride, accumulate: true);
                }
            }
        }
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
            nint c = from;
            // Two in a turn: each is one long chain of instructions, and only so many of them can wait.
            for (; c + T.Count < to; c += 2 * T.Count)
            {
                T x = exp2.Of(T.Load(p + c) - shift), y = exp2.Of(T.Load(p + c + T.Count) - shift);
                T.Store(x, p + c);
                T.Store(y, p + c + T.Count);
                T.Store(x * (T.Load(g + c) - d), g + c);
                T.Store(y * (T.Load(g + c + T.Count) - d), g + c + T.Count);
            }
            for (; c < to; c += T.Count)
            {
                T e = exp2.Of(T.Load(p + c) - shift);
                T.Store(e, p + c);
                T.Store(e * (T.Load(g + c) - d), g + c);
            }
        }
    }
}
