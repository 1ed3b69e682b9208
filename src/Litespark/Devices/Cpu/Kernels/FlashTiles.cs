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

    const int RowsAhead = 8;

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

    /// <summary>Copies rows of one head and fills up columns and rows with zeros.</summary>
    [MethodImpl(Hot)]
    public static void Copy(float* source, nint stride, int rows, int headDim, float* copy)
    {
        int copyStride = CopyStride(headDim), padded = PaddedWidth(headDim);
        for (int r = 0; r < rows; r++)
        {
            // Rows lie far apart, often a memory page each: the hardware doesn't foresee them.
            for (int c = 0; c < headDim; c += CacheLine) Prefetch.Line(source + (r + RowsAhead) * stride + c);
            RowMath<T>.Copy(source + r * stride, copy + (nint)r * copyStride, headDim, padded);
        }
        for (int r = rows; r < RoundUp(rows, TTile.Rows); r++) new Span<float>(copy + (nint)r * copyStride, padded).Clear();
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
