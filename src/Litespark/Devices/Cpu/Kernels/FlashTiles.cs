using System.Numerics;
using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// What the forward and backward pass of flash attention share: how a head's operands are laid out for the register tiles.
/// Operands that are only B are packed in panels: those read across the head dimension (keys for the scores, values for the gradients of
/// probabilities) in [head_dim][tile columns], those read along it (values for the output, keys for the gradients of queries) in [keys][tile columns].
/// All others are copied row-major with a stride that is padded against cache-set conflicts, and serve as A and as B.
/// A strip is as many query rows as a register tile has.
/// </summary>
internal static unsafe class FlashTiles<T, TTile> where T : struct, ISimd<T> where TTile : IGemmTile
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    /// <summary>Blocks of queries and of keys are multiples of this, which is one of every register tile's rows and columns.</summary>
    public const int Block = 96;

    /// <summary>Floats from row to row of a block of scores with so many keys: an odd number of cache lines, as columns of it are read too.</summary>
    public static int ScoreStride(int keyBlock) => RoundUp(keyBlock, CacheLine) | CacheLine;

    const int RowsAhead = 16;

    // Floats per cache line.
    const int CacheLine = 16;

    public static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

    /// <summary>Head dimension in whole register tiles.</summary>
    public static int PaddedWidth(int headDim) => RoundUp(headDim, TTile.Columns);

    /// <summary>Floats from row to row of a copied operand: an odd number of cache lines, so that rows spread over all cache sets.</summary>
    public static int CopyStride(int headDim) => RoundUp(PaddedWidth(headDim), CacheLine) | CacheLine;

    /// <summary>Floats of a copied operand: the last strip is filled up with zero rows.</summary>
    public static long CopyLength(int headDim, int rows) => (long)RoundUp(rows, TTile.Rows) * CopyStride(headDim);

    /// <summary>Floats of an operand packed along the head dimension: panels [rows][tile columns], which lie <see cref="GemmPack.PanelLength"/> of its rows apart.</summary>
    public static long PackedAlongLength(int headDim, int rows) => (long)GemmPack.PanelCount(TTile.Columns, headDim) * GemmPack.PanelLength(TTile.Columns, rows);

    /// <summary>Floats of an operand packed across the head dimension.</summary>
    public static long PackedAcrossLength(int headDim, int rows)
        => (long)GemmPack.PanelCount(TTile.Columns, rows) * GemmPack.PanelLength(TTile.Columns, headDim);

    /// <summary>Grains of keys in a panel.</summary>
    public static int PanelGrains => TTile.Columns / TileSelection.Grain;

    // Grains in a register, at least one.
    static int RegisterGrains => Math.Max(1, T.Count / TileSelection.Grain);

    /// <summary>The grains that register tiles compute for those which a strip needs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Computed(uint live) => TileSelection.Computed(live, PanelGrains, RegisterGrains);

    /// <summary>
    /// destination[r, c] = Σ_d a[r, d] · panels[d, c] for some strips of copied rows, each in the columns that it computes. Strips are the inner loop:
    /// all but the first read a panel from the first-level cache.
    /// </summary>
    [MethodImpl(Hot)]
    public static void Scores(uint* computed, int strips, int headDim, float* a, float* panels, float* destination, nint destinationStride)
    {
        nint panel = GemmPack.PanelLength(TTile.Columns, headDim), stride = CopyStride(headDim);
        uint any = 0, whole = (1u << PanelGrains) - 1;
        for (int s = 0; s < strips; s++) any |= computed[s];
        for (int grain = 0; any >> grain != 0; grain += PanelGrains, panels += panel, destination += TTile.Columns)
        {
            for (int s = 0; s < strips; s++)
            {
                uint within = computed[s] >> grain & whole;
                if (within == 0) continue;
                float* rows = a + s * TTile.Rows * stride, sums = destination + s * TTile.Rows * destinationStride;
                if (within == whole)
                {
                    TTile.RowMajorA(headDim, rows, stride, panels, TTile.Columns, sums, destinationStride, accumulate: false);
                    continue;
                }

                int skipped = BitOperations.TrailingZeroCount(within) * TileSelection.Grain, columns = BitOperations.PopCount(within) * TileSelection.Grain;
                TTile.FirstColumns(columns / T.Count, headDim, rows, stride, panels + skipped, TTile.Columns, sums + skipped, destinationStride);
            }
        }
    }

    /// <summary>Makes the computed scores of a strip that a row does not see as good as −∞; column 0 is key <paramref name="k0"/>, <paramref name="row"/> the strip's first row.</summary>
    [MethodImpl(Hot)]
    public static void Mask(float* strip, nint stride, int row, int rows, int* first, int* end, int k0, uint live, uint computed, in TileSelection selection)
    {
        T nothing = T.Broadcast(RowMath<T>.MinusInfinity), lanes = T.Indices;
        bool hides = selection.Hides, wholeGrains = hides && selection.ShowsWholeGrains(row, rows);
        for (uint rest = computed; rest != 0;)
        {
            (int from, int to) = TileSelection.NextRun(ref rest);
            float* p = strip;
            // By whole registers: what was just stored in one piece is loaded in one piece.
            for (int r = 0; r < rows; r++, p += stride)
            {
                int low = first[r] - k0, high = Math.Max(end[r] - k0, low), c = from;
                for (; c + T.Count <= Math.Min(low, to); c += T.Count) T.Store(nothing, p + c);
                if (c < Math.Min(low, to)) T.Store(T.SelectGreaterOrEqual(lanes, T.Broadcast(low - c), T.Load(p + c), nothing), p + c);
                for (c = Math.Max(from, high & -T.Count); c < to; c += T.Count) T.Store(T.SelectGreaterOrEqual(lanes, T.Broadcast(high - c), nothing, T.Load(p + c)), p + c);
            }

            if (wholeGrains) MaskGrains(strip, stride, rows, live, from, to);
            else if (hides) selection.Hide(strip, stride, row, rows, k0, from, to, RowMath<T>.MinusInfinity);
        }
    }

    /// <summary>Makes the scores of all grains in [from, to) that are not live as good as −∞, in all rows of a strip.</summary>
    [MethodImpl(Hot)]
    static void MaskGrains(float* strip, nint stride, int rows, uint live, int from, int to)
    {
        T nothing = T.Broadcast(RowMath<T>.MinusInfinity), lanes = T.Indices, grain = T.Broadcast(TileSelection.Grain);
        uint whole = (1u << RegisterGrains) - 1;
        int width = RegisterGrains * TileSelection.Grain;
        for (int c = from; c < to; c += width)
        {
            uint within = live >> c / TileSelection.Grain & whole;
            if (within == whole) continue;
            float* p = strip + c;
            for (int r = 0; r < rows; r++, p += stride)
            {
                for (int part = 0; part < width; part += T.Count)
                {
                    T scores = T.Load(p + part);
                    T.Store(within == 0 ? nothing : within == 1 ? T.SelectGreaterOrEqual(lanes, grain, nothing, scores) : T.SelectGreaterOrEqual(lanes, grain, scores, nothing), p + part);
                }
            }
        }
    }

    /// <summary>Copies rows of one head and fills up columns and rows with zeros.</summary>
    [MethodImpl(Hot)]
    public static void Copy(float* source, nint stride, int rows, int headDim, float* copy)
    {
        int copyStride = CopyStride(headDim);
        for (int r = 0; r < rows; r++) CopyRow(source + r * stride, stride, headDim, copy + (nint)r * copyStride);
        ClearRest(copy, rows, headDim);
    }

    /// <summary>Copies a row of a head, fills up its columns with zeros, and asks for a row below.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void CopyRow(float* source, nint stride, int headDim, float* copy)
    {
        Ask(source, stride, headDim);
        RowMath<T>.Copy(source, copy, headDim, PaddedWidth(headDim));
    }

    /// <summary>Asks for the row of a head some rows below one that is about to be read or written: rows lie far apart, often a memory page each, and the hardware doesn't foresee them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ask(float* row, nint stride, int headDim)
    {
        for (int c = 0; c < headDim; c += CacheLine) Prefetch.Line(row + RowsAhead * stride + c);
    }

    /// <summary>Fills up the last strip of copied rows with zeros.</summary>
    public static void ClearRest(float* copy, int rows, int headDim)
    {
        for (int r = rows; r < RoundUp(rows, TTile.Rows); r++) new Span<float>(copy + (nint)r * CopyStride(headDim), PaddedWidth(headDim)).Clear();
    }

    /// <summary>
    /// The keys [low, high) of a block (from key <paramref name="k0"/>, <paramref name="count"/> keys long) that any row of a strip sees;
    /// empty (low ≥ high) if none.
    /// </summary>
    public static (int Low, int High) Span(int* first, int* end, int rows, int k0, int count)
    {
        int low = count, high = 0;
        for (int r = 0; r < rows; r++)
        {
            int l = Math.Max(first[r] - k0, 0), h = Math.Min(end[r] - k0, count);
            if (l >= h) continue;
            low = Math.Min(low, l);
            high = Math.Max(high, h);
        }
        return (low, high);
    }
}
