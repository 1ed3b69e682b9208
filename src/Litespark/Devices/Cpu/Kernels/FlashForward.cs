using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Forward pass of flash attention for one head in one worker's scratch memory: scores exist a few strips of query rows at a time, and the
/// softmax is kept up to date as blocks of keys are visited (Milakov and Gimelshein 2018; Dao et al. 2022). Blocks of keys that no row
/// of a strip sees are skipped. Every row may see any contiguous range of keys, and of that what a <see cref="TileSelection"/> leaves.
/// </summary>
internal readonly unsafe struct FlashForward<T, TTile> where T : struct, ISimd<T> where TTile : IGemmTile
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    /// <summary>Queries per call of <see cref="Run"/> at most.</summary>
    public const int QueryBlock = FlashTiles<T, TTile>.Block;

    /// <summary>Long, so that what is done once per row and block (maximum, sum, rescaling) weighs little.</summary>
    const int KeyBlock = 2 * FlashTiles<T, TTile>.Block;

    /// <summary>
    /// What a row holds is rescaled only where a new score is above its reference by more than this power of two:
    /// rarely after its first block of keys, and exponentials stay far from overflow.
    /// </summary>
    const float Slack = 8;

    /// <summary>Reference of a row that has seen no key yet: below every score, far above what masked ones are given.</summary>
    const float Unseen = -1e20f;

    // Strips that share what they read of a block of keys; a strip is as many query rows as a register tile has.
    const int Strips = 2;

    readonly int headDim, stride, keys;
    readonly float scale2;
    readonly nint valuePanel;

    // Keys of the block, relative to its first one, that each strip of a group sees, which grains of them it needs, and which register tiles compute.
    readonly int* low, high;
    readonly uint* live, computed;
    readonly float* keyPanels, values, queries, output, scores, max, sum;

    readonly byte* bits;
    readonly LiveTiles<T, TTile> tiles;

    /// <summary>First key that each query row of the block sees; to be filled before <see cref="Run"/>.</summary>
    public readonly int* First;

    /// <summary>Key behind the last one that each query row of the block sees; to be filled before <see cref="Run"/>.</summary>
    public readonly int* End;

    /// <summary>Floats of scratch memory for heads with at most <paramref name="keys"/> keys.</summary>
    public static long ScratchLength(int headDim, int keys, bool hasPattern)
        => FlashTiles<T, TTile>.PackedAcrossLength(headDim, keys) + FlashTiles<T, TTile>.PackedAlongLength(headDim, keys)
        + 2 * FlashTiles<T, TTile>.CopyLength(headDim, QueryBlock) + (long)Strips * TTile.Rows * KeyBlock + 16 + (3 + T.Count) * QueryBlock
        + (hasPattern ? LiveTiles<T, TTile>.BitsLength(QueryBlock, keys) + LiveTiles<T, TTile>.KeyLength(headDim, keys) + LiveTiles<T, TTile>.OwnLength(headDim) : 0);

    /// <summary>Lays the buffers out in <paramref name="scratch"/>.</summary>
    public FlashForward(float* scratch, int headDim, int keys, float scale)
    {
        this.headDim = headDim;
        // Exponentials are powers of two: one multiplication less for each.
        scale2 = scale * Exp2.Log2E;
        stride = FlashTiles<T, TTile>.CopyStride(headDim);
        keyPanels = scratch;
        values = keyPanels + FlashTiles<T, TTile>.PackedAcrossLength(headDim, keys);
        queries = values + FlashTiles<T, TTile>.PackedAlongLength(headDim, keys);
        output = queries + FlashTiles<T, TTile>.CopyLength(headDim, QueryBlock);
        valuePanel = GemmPack.PanelLength(TTile.Columns, keys);
        scores = output + FlashTiles<T, TTile>.CopyLength(headDim, QueryBlock);
        max = scores + Strips * TTile.Rows * KeyBlock;
        sum = max + QueryBlock;
        First = (int*)(sum + QueryBlock * T.Count);
        End = First + QueryBlock;
        low = End + QueryBlock;
        high = low + 4;
        live = (uint*)(high + 4);
        computed = live + 4;
        this.keys = keys;
        bits = (byte*)(low + 16);
        float* keptOfKeys = (float*)bits + LiveTiles<T, TTile>.BitsLength(QueryBlock, keys);
        tiles = new LiveTiles<T, TTile>(keptOfKeys, keptOfKeys + LiveTiles<T, TTile>.KeyLength(headDim, keys), headDim, keys);
    }

    /// <summary>Takes in the keys and values of a head: rows [0, <paramref name="keys"/>) of both.</summary>
    public void Load(float* k, nint keyStride, float* v, nint valueStride, int keys)
    {
        GemmPack.Transposed(k, keyStride, keys, headDim, TTile.Columns, keyPanels, scale2);
        GemmPack.Contiguous(v, valueStride, headDim, keys, TTile.Columns, values, valuePanel, 1);
    }

    /// <summary>Takes in the keys for <see cref="Select"/>; needed with a threshold only.</summary>
    public void LoadKeysToSelect(Matrix k) => tiles.LoadKeys(k, 0, k.Rows);

    /// <summary>Takes in up to <see cref="QueryBlock"/> query rows.</summary>
    public void LoadQueries(Matrix q) => FlashTiles<T, TTile>.Copy(q.Data, q.Stride, q.Rows, headDim, queries);

    /// <summary>
    /// Selects what the query rows compute, the first of which is token <paramref name="token"/>; returns how many pairs are left. What a run of keys
    /// is made of needs no selection.
    /// </summary>
    public long Select(Matrix q, Matrix k, int token, in AttentionPattern pattern, float threshold, out TileSelection selection)
    {
        long pairs = 0;
        int stripBytes = LiveTiles<T, TTile>.StripBytes(keys);
        for (int r = 0; r < q.Rows; r += TTile.Rows)
        {
            pairs += tiles.Select(bits + r / TTile.Rows * stripBytes, pattern, threshold, q, queries + r * stride, k, r, token + r, Math.Min(TTile.Rows, q.Rows - r), First + r);
        }
        selection = new TileSelection(pattern, token, bits, stripBytes);
        return pairs;
    }

    /// <summary>Keys between the first and the last one that query rows see, over all rows.</summary>
    public long Keys(int rows)
    {
        long sum = 0;
        for (int r = 0; r < rows; r++) sum += End[r] - First[r];
        return sum;
    }

    /// <summary>
    /// Attention of the query rows, up to <see cref="QueryBlock"/>, with the ranges <see cref="First"/> and <see cref="End"/>:
    /// rows of o, and (unless null) log Σ exp of each row's scaled scores.
    /// </summary>
    [MethodImpl(Hot)]
    public void Run(int rows, float* o, nint outputStride, float* logSumExp, in TileSelection selection = default)
    {
        new Span<float>(output, (int)FlashTiles<T, TTile>.CopyLength(headDim, rows)).Clear();
        int firstKey = int.MaxValue, endKey = 0;
        for (int r = 0; r < rows; r++)
        {
            max[r] = Unseen;
            T.Store(T.Zero, sum + r * T.Count);
            firstKey = Math.Min(firstKey, First[r]);
            endKey = Math.Max(endKey, End[r]);
        }
        for (int k0 = firstKey / KeyBlock * KeyBlock; k0 < endKey; k0 += KeyBlock)
        {
            for (int r = 0; r < rows; r += Strips * TTile.Rows) Group(r, Math.Min(Strips * TTile.Rows, rows - r), k0, selection);
        }
        for (int r = 0; r < rows; r++)
        {
            float total = T.Sum(T.Load(sum + r * T.Count));
            RowMath<T>.Scale(output + r * stride, 1 / total, o + r * outputStride, headDim);
            if (logSumExp is not null) logSumExp[r] = max[r] / Exp2.Log2E + MathF.Log(total);
        }
    }

    /// <summary>
    /// A group of strips against a block of keys. Strips are the inner loops: each panel of values, as of keys, is read from the
    /// first-level cache by all but the first strip.
    /// </summary>
    [MethodImpl(Hot)]
    void Group(int r0, int rows, int k0, in TileSelection selection)
    {
        int strips = (rows + TTile.Rows - 1) / TTile.Rows;
        for (int s = 0; s < strips; s++)
        {
            int r = r0 + s * TTile.Rows;
            (low[s], high[s]) = FlashTiles<T, TTile>.Span(First + r, End + r, Math.Min(TTile.Rows, rows - s * TTile.Rows), k0, KeyBlock);
            live[s] = selection.Live(r / TTile.Rows, k0, low[s], high[s]);
            computed[s] = FlashTiles<T, TTile>.Computed(live[s]);
        }
        FlashTiles<T, TTile>.Scores(computed, strips, headDim, queries + r0 * stride, keyPanels + k0 / TTile.Columns * GemmPack.PanelLength(TTile.Columns, headDim), scores, KeyBlock);
        for (int s = 0; s < strips; s++)
        {
            int r = r0 + s * TTile.Rows, stripRows = Math.Min(TTile.Rows, rows - s * TTile.Rows);
            float* strip = scores + s * TTile.Rows * KeyBlock;
            FlashTiles<T, TTile>.Mask(strip, KeyBlock, r, stripRows, First + r, End + r, k0, live[s], computed[s], selection);
            // A first key is above the reference of a row that has seen none: mostly all rows of a strip or no row; Raise decides for each.
            bool exceeds = max[r] == Unseen;
            for (uint rest = exceeds ? 0 : computed[s]; rest != 0;)
            {
                (int from, int to) = TileSelection.NextRun(ref rest);
                exceeds |= Exceeds(strip, stripRows, from, to, max + r);
            }
            // References first: all exponentials of a row that meet its values together are relative to one.
            for (int i = 0; exceeds && i < stripRows; i++) Raise(strip + i * KeyBlock, r + i, computed[s]);
            for (uint rest = computed[s]; rest != 0;)
            {
                (int from, int to) = TileSelection.NextRun(ref rest);
                Exponentials(strip, stripRows, from, to, max + r, sum + r * T.Count);
            }
        }
        float* v = values + (nint)k0 * TTile.Columns;
        for (int d = 0; d < headDim; d += TTile.Columns, v += valuePanel)
        {
            for (int s = 0; s < strips; s++)
            {
                for (uint rest = live[s]; rest != 0;)
                {
                    (int from, int to) = TileSelection.NextRun(ref rest);
                    from = Math.Max(from, low[s]);
                    to = Math.Min(to, high[s]);
                    TTile.RowMajorA(to - from, scores + s * TTile.Rows * KeyBlock + from, KeyBlock,
                        v + from * TTile.Columns, TTile.Columns, output + (r0 + s * TTile.Rows) * stride + d, stride, accumulate: true);
                }
            }
        }
    }

    /// <summary>Whether any row of a strip has a score in the columns [from, to) that is above its reference by more than the slack: one answer for all rows, as it is mostly no.</summary>
    [MethodImpl(Hot)]
    static bool Exceeds(float* strip, int rows, int from, int to, float* references)
    {
        T excess = T.Broadcast(RowMath<T>.MinusInfinity);
        for (int i = 0; i < rows; i += 2)
        {
            // Two rows at a time: a maximum waits for the one before.
            int j = Math.Min(i + 1, rows - 1);
            float* p = strip + i * KeyBlock, q = strip + j * KeyBlock;
            T m = T.Load(p + from), n = T.Load(q + from);
            for (nint c = from + T.Count; c < to; c += T.Count)
            {
                m = T.Max(m, T.Load(p + c));
                n = T.Max(n, T.Load(q + c));
            }
            excess = T.Max(excess, T.Max(m - T.Broadcast(references[i]), n - T.Broadcast(references[j])));
        }
        return T.HorizontalMax(excess) > Slack;
    }

    /// <summary>Where a row has a computed score far above its reference, the reference becomes the largest, and what the row holds is rescaled to it.</summary>
    [MethodImpl(Hot)]
    void Raise(float* p, int row, uint computed)
    {
        T m = T.Broadcast(RowMath<T>.MinusInfinity);
        while (computed != 0)
        {
            (int from, int to) = TileSelection.NextRun(ref computed);
            for (nint c = from; c < to; c += T.Count) m = T.Max(m, T.Load(p + c));
        }
        float before = max[row], now = T.HorizontalMax(m);
        if (now <= before + Slack) return;
        max[row] = now;
        if (before == Unseen) return;
        float factor = MathF.Exp((before - now) / Exp2.Log2E);
        float* rowSum = sum + row * T.Count;
        RowMath<T>.Scale(output + row * stride, factor, output + row * stride, headDim);
        T.Store(T.Load(rowSum) * T.Broadcast(factor), rowSum);
    }

    /// <summary>p = 2^(p − reference of its row) in the columns [from, to) of a strip, added to the row's sums lane by lane. A method of its own, static and
    /// without calls: only then do the constants stay in registers.</summary>
    [MethodImpl(Hot)]
    static void Exponentials(float* p, int rows, int from, int to, float* references, float* sums)
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        for (int r = 0; r < rows; r++, p += KeyBlock, sums += T.Count)
        {
            T reference = T.Broadcast(references[r]), sum = T.Load(sums);
            nint c = from;
            // Two in a turn: each is one long chain of instructions, and only so many of them can wait.
            for (; c + T.Count < to; c += 2 * T.Count)
            {
                T x = exp2.Of(T.Load(p + c) - reference), y = exp2.Of(T.Load(p + c + T.Count) - reference);
                T.Store(x, p + c);
                T.Store(y, p + c + T.Count);
                sum = sum + x + y;
            }
            for (; c < to; c += T.Count)
            {
                T e = exp2.Of(T.Load(p + c) - reference);
                T.Store(e, p + c);
                sum += e;
            }
            T.Store(sum, sums);
        }
    }
}
