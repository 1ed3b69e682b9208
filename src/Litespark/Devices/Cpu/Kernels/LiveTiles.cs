using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Decides which tiles of a head's scores are computed: those with a pair that the pattern shows and, given a threshold τ, that may weigh
/// something. The forward and the backward pass decide alike, whatever they visit first: by q and k alone.
/// <para>Each query t has a reference, the larger of its scores with itself and with the first key that it sees. A panel of keys with mean c
/// and distances of at most ρ from it has no score above scale · (q·c + ‖q‖ρ), by Cauchy and Schwarz. Where that is below reference + ln τ for
/// all rows of a strip, the tile is left out. Panels of the rows' own keys stay, and so, by the bound itself, does the reference: what a row
/// loses is bounded as <see cref="AttentionPatternBuffer"/> says. A strip decides for its rows together, so what a row loses, within
/// that bound, may depend on the next few tokens.</para>
/// </summary>
internal readonly unsafe struct LiveTiles<T, TTile> where T : struct, ISimd<T> where TTile : IGemmTile
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    /// <summary>Share of ‖c‖ + ρ by which ρ is enlarged: more than roundings come to.</summary>
    const float Rounding = 1e-5f;

    // Rows of the highest register tile.
    const int MostRows = 16;

    readonly int headDim;
    readonly float* centres, radii, bounds, mean;

    /// <summary>Floats for what is kept of a head's keys.</summary>
    public static long KeyLength(int headDim, int keys)
    {
        int panels = GemmPack.PanelCount(TTile.Columns, keys);
        return FlashTiles<T, TTile>.PackedAcrossLength(headDim, panels) + FlashTiles<T, TTile>.RoundUp(panels, 16);
    }

    /// <summary>Floats that each thread needs for itself.</summary>
    public static int OwnLength(int headDim) => MostRows * TTile.Columns + FlashTiles<T, TTile>.RoundUp(headDim, 16);

    /// <summary>Bytes of the bits of one strip; a few more than there are, as they are read eight at a time.</summary>
    public static int StripBytes(int keys) => FlashTiles<T, TTile>.RoundUp((keys + TileSelection.Grain - 1) / TileSelection.Grain / 8 + sizeof(ulong) + 1, sizeof(ulong));

    /// <summary>Floats that the bits of so many queries take.</summary>
    public static long BitsLength(int queries, int keys) => FlashTiles<T, TTile>.RoundUp((queries + TTile.Rows - 1) / TTile.Rows * (StripBytes(keys) / sizeof(float)), 16);

    /// <summary>Lays the buffers out in <paramref name="kept"/>, which threads may share, and <paramref name="own"/>.</summary>
    public LiveTiles(float* kept, float* own, int headDim, int keys)
    {
        this.headDim = headDim;
        centres = kept;
        radii = centres + FlashTiles<T, TTile>.PackedAcrossLength(headDim, GemmPack.PanelCount(TTile.Columns, keys));
        bounds = own;
        mean = bounds + MostRows * TTile.Columns;
    }

    /// <summary>Takes in the keys [from, to), of whole panels but for the last of the head; needed with a threshold only.</summary>
    [MethodImpl(Hot)]
    public void LoadKeys(Matrix k, int from, int to)
    {
        nint panelLength = GemmPack.PanelLength(TTile.Columns, headDim);
        for (int key = from; key < to; key += TTile.Columns)
        {
            int count = Math.Min(TTile.Columns, to - key), panel = key / TTile.Columns;
            new Span<float>(mean, headDim).Clear();
            for (int i = 0; i < count; i++) RowMath<T>.Add(k.Row(key + i), mean, headDim);
            RowMath<T>.Scale(mean, 1f / count, mean, headDim);
            float squares = 0;
            for (int i = 0; i < count; i++) squares = MathF.Max(squares, SquaredDistance(k.Row(key + i), mean, headDim));
            float radius = MathF.Sqrt(squares);
            radii[panel] = radius + Rounding * (radius + MathF.Sqrt(RowMath<T>.Dot(mean, mean, headDim)));
            float* line = centres + panel / TTile.Columns * panelLength + panel % TTile.Columns;
            for (int d = 0; d < headDim; d++) line[d * TTile.Columns] = mean[d];
        }
    }

    /// <summary>
    /// Selects the keys of a strip of queries; returns how many pairs are left.
    /// </summary>
    /// <param name="bits">What is written: [<see cref="StripBytes"/>].</param>
    /// <param name="pattern">What of the keys is seen.</param>
    /// <param name="threshold">ln τ / scale; −∞ leaves nothing out.</param>
    /// <param name="q">Queries of the head, for row numbers from <paramref name="row"/> on.</param>
    /// <param name="copy">The strip's rows as the register tile reads them.</param>
    /// <param name="k">Keys of the head.</param>
    /// <param name="row">Number of the strip's first row in q.</param>
    /// <param name="token">Token that it is.</param>
    /// <param name="rows">Rows of the strip.</param>
    /// <param name="first">First visible key of each row.</param>
    [MethodImpl(Hot)]
    public long Select(byte* bits, in AttentionPattern pattern, float threshold, Matrix q, float* copy, Matrix k, int row, int token, int rows, int* first)
    {
        int end = token + rows;
        new Span<byte>(bits, StripBytes(end)).Clear();
        long pairs = 0;
        for (int i = 0; i < rows;)
        {
            int t = token + i, start = Math.Max(first[i], pattern.RunStart(t)), last = i, blockEnd = pattern.BlockEnd(t);
            // Rows of a block see the same keys but for their own, of which each sees one more.
            while (last + 1 < rows && token + last + 1 < blockEnd && first[last + 1] == first[i]) last++;
            Set(bits, start, token + last + 1);
            if (first[i] < start) SetBlocks(bits, pattern, t, first[i], start);
            int same = last - i + 1;
            pairs += (long)same * pattern.Count(t, first[i], t + 1) + same * (same - 1) / 2;
            i = last + 1;
        }
        return float.IsNegativeInfinity(threshold) ? pairs : pairs - LeaveOut(bits, pattern, threshold, q, copy, k, row, token, rows, first);
    }

    /// <summary>Clears the panels of a strip before its own keys that are certain to weigh too little; returns how many pairs they hold.</summary>
    [MethodImpl(Hot)]
    long LeaveOut(byte* bits, in AttentionPattern pattern, float threshold, Matrix q, float* copy, Matrix k, int row, int token, int rows, int* first)
    {
        float* norms = stackalloc float[MostRows], references = stackalloc float[MostRows];
        int firstKey = token;
        for (int i = 0; i < rows; i++)
        {
            float* query = q.Row(row + i);
            norms[i] = MathF.Sqrt(RowMath<T>.Dot(query, query, headDim));
            references[i] = MathF.Max(RowMath<T>.Dot(query, k.Row(token + i), headDim), RowMath<T>.Dot(query, k.Row(first[i]), headDim));
            firstKey = Math.Min(firstKey, first[i]);
        }

        int endPanel = token / TTile.Columns, grains = FlashTiles<T, TTile>.PanelGrains;
        nint panelLength = GemmPack.PanelLength(TTile.Columns, headDim);
        long pairs = 0;
        for (int group = firstKey / TTile.Columns / TTile.Columns; group * TTile.Columns < endPanel; group++)
        {
            TTile.RowMajorA(headDim, copy, FlashTiles<T, TTile>.CopyStride(headDim), centres + group * panelLength, TTile.Columns, bounds, TTile.Columns, accumulate: false);
            for (int c = 0; c < TTile.Columns && group * TTile.Columns + c < endPanel; c++)
            {
                int panel = group * TTile.Columns + c, from = panel * TTile.Columns, to = from + TTile.Columns;
                if (!Any(bits, panel * grains, grains) || MayWeigh(bounds + c, radii[panel], norms, references, threshold, rows, first, to)) continue;
                for (int grain = panel * grains; grain < (panel + 1) * grains; grain++) bits[grain >> 3] &= (byte)~(1 << (grain & 7));
                for (int i = 0; i < rows; i++) pairs += pattern.Count(token + i, Math.Max(from, first[i]), to);
            }
        }
        return pairs;
    }

    /// <summary>Whether any row that sees keys of a panel may have a score above its reference + ln τ; also where something is not a number.</summary>
    static bool MayWeigh(float* products, float radius, float* norms, float* references, float threshold, int rows, int* first, int panelEnd)
    {
        for (int i = 0; i < rows; i++)
            if (first[i] < panelEnd && !(products[i * TTile.Columns] + norms[i] * radius - references[i] < threshold)) return true;
        return false;
    }

    /// <summary>Sets the bits of the blocks before the run of query t, from key <paramref name="from"/> to <paramref name="to"/>.</summary>
    static void SetBlocks(byte* bits, in AttentionPattern pattern, int t, int from, int to)
    {
        int step = pattern.Step * pattern.Block;
        if (step <= TileSelection.Grain)
        {
            Set(bits, from, to);
            return;
        }

        for (int key = from, block = from - from % pattern.Block; key < to; key = block += step) Set(bits, key, Math.Min(block + pattern.Block, to));
    }

    /// <summary>Sets the bits of the keys [from, to), which are not none.</summary>
    static void Set(byte* bits, int from, int to)
    {
        int low = from / TileSelection.Grain, high = (to - 1) / TileSelection.Grain, lowByte = low >> 3, highByte = high >> 3;
        int head = 0xFF << (low & 7), tail = 0xFF >> (7 - (high & 7));
        if (lowByte == highByte)
        {
            bits[lowByte] |= (byte)(head & tail);
            return;
        }

        bits[lowByte] |= (byte)head;
        for (int i = lowByte + 1; i < highByte; i++) bits[i] = 0xFF;
        bits[highByte] |= (byte)tail;
    }

    static bool Any(byte* bits, int grain, int count)
        => (Unsafe.ReadUnaligned<ushort>(bits + (grain >> 3)) >> (grain & 7) & ((1 << count) - 1)) != 0;

    [MethodImpl(Hot)]
    static float SquaredDistance(float* a, float* b, int length)
    {
        T squares = T.Zero;
        nint i = 0;
        for (; i + T.Count <= length; i += T.Count)
        {
            T difference = T.Load(a + i) - T.Load(b + i);
            squares = T.MultiplyAdd(difference, difference, squares);
        }

        float total = T.Sum(squares);
        for (; i < length; i++) total += (a[i] - b[i]) * (a[i] - b[i]);
        return total;
    }
}
