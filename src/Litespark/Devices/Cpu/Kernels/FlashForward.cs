using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Forward pass of flash attention for one head in one worker's scratch memory: scores exist a strip of query rows at a time, and the
/// softmax is kept up to date as blocks of keys are visited (Milakov and Gimelshein 2018; Dao et al. 2022). Blocks of keys that no row
/// of a strip sees are skipped. Every row may see any contiguous range of keys.
/// </summary>
internal readonly unsafe struct FlashForward<T, TTile> where T : struct, ISimd<T> where TTile : IGemmTile
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    /// <summary>Queries per call of <see cref="Run"/> at most.</summary>
    public const int QueryBlock = FlashTiles<T, TTile>.Block;

    /// <summary>Long, so that what is done once per row and block (maximum, sum, rescaling) weighs little.</summary>
    const int KeyBlock = 2 * FlashTiles<T, TTile>.Block;

    readonly int headDim, stride;
    readonly float scale2;
    readonly float* keyPanels, values, queries, output, strip, max, sum;

    /// <summary>First key that each query row of the block sees; to be filled before <see cref="Run"/>.</summary>
    public readonly int* First;

    /// <summary>Key behind the last one that each query row of the block sees; to be filled before <see cref="Run"/>.</summary>
    public readonly int* End;

    /// <summary>Floats of scratch memory for heads with at most <paramref name="keys"/> keys.</summary>
    public static long ScratchLength(int headDim, int keys)
        => FlashTiles<T, TTile>.PackedLength(headDim, keys) + FlashTiles<T, TTile>.CopyLength(headDim, keys)
        + 2 * FlashTiles<T, TTile>.CopyLength(headDim, QueryBlock) + (long)TTile.Rows * KeyBlock + 4 * QueryBlock;

    /// <summary>Lays the buffers out in <paramref name="scratch"/>.</summary>
    public FlashForward(float* scratch, int headDim, int keys, float scale)
    {
        this.headDim = headDim;
        // Exponentials are powers of two: one multiplication less for each.
        scale2 = scale * VectorMath.Log2E;
        stride = FlashTiles<T, TTile>.CopyStride(headDim);
        keyPanels = scratch;
        values = keyPanels + FlashTiles<T, TTile>.PackedLength(headDim, keys);
        queries = values + FlashTiles<T, TTile>.CopyLength(headDim, keys);
        output = queries + FlashTiles<T, TTile>.CopyLength(headDim, QueryBlock);
        strip = output + FlashTiles<T, TTile>.CopyLength(headDim, QueryBlock);
        max = strip + TTile.Rows * KeyBlock;
        sum = max + QueryBlock;
        First = (int*)(sum + QueryBlock);
        End = First + QueryBlock;
    }

    /// <summary>Takes in the keys and values of a head: rows [0, <paramref name="keys"/>) of both.</summary>
    public void Load(float* k, nint keyStride, float* v, nint valueStride, int keys)
    {
        GemmPack.Transposed(k, keyStride, keys, headDim, TTile.Columns, keyPanels);
        FlashTiles<T, TTile>.Copy(v, valueStride, keys, headDim, values);
    }

    /// <summary>
    /// Attention of up to <see cref="QueryBlock"/> query rows with the ranges <see cref="First"/> and <see cref="End"/>:
    /// rows of o, and (unless null) log Σ exp of each row's scaled scores.
    /// </summary>
    [MethodImpl(Hot)]
    public void Run(float* q, nint queryStride, int rows, float* o, nint outputStride, float* logSumExp)
    {
        FlashTiles<T, TTile>.Copy(q, queryStride, rows, headDim, queries);
        new Span<float>(output, (int)FlashTiles<T, TTile>.CopyLength(headDim, rows)).Clear();
        int firstKey = int.MaxValue, endKey = 0;
        for (int r = 0; r < rows; r++)
        {
            max[r] = RowMath<T>.MinusInfinity;
            sum[r] = 0;
            firstKey = Math.Min(firstKey, First[r]);
            endKey = Math.Max(endKey, End[r]);
        }
        for (int k0 = firstKey / KeyBlock * KeyBlock; k0 < endKey; k0 += KeyBlock)
        {
            for (int r = 0; r < rows; r += TTile.Rows) Strip(r, Math.Min(TTile.Rows, rows - r), k0);
        }
        for (int r = 0; r < rows; r++)
        {
            RowMath<T>.Scale(output + r * stride, 1 / sum[r], o + r * outputStride, headDim);
            if (logSumExp is not null) logSumExp[r] = max[r] / VectorMath.Log2E + MathF.Log(sum[r]);
        }
    }

    void Strip(int r, int rows, int k0)
    {
        (int low, int high) = FlashTiles<T, TTile>.Span(First + r, End + r, rows, k0, KeyBlock);
        if (low >= high) return;
        int from = low / TTile.Columns * TTile.Columns, to = FlashTiles<T, TTile>.RoundUp(high, TTile.Columns);
        FlashTiles<T, TTile>.Scores(queries + r * stride, headDim, keyPanels, k0, from, to, strip, KeyBlock);
        for (int i = 0; i < rows; i++)
            Softmax(strip + i * KeyBlock, r + i, from, to, Math.Max(First[r + i] - k0, from), Math.Min(End[r + i] - k0, to));
        FlashTiles<T, TTile>.RowProduct(strip + low, KeyBlock, high - low, values + (nint)(k0 + low) * stride, headDim,
            output + r * stride);
    }

    /// <summary>
    /// Turns scores in the columns [from, to) of a row into exponentials, 0 outside [low, high); rescales what the row has so far.
    /// </summary>
    [MethodImpl(Hot)]
    void Softmax(float* p, int row, int from, int to, int low, int high)
    {
        if (low >= high)
        {
            new Span<float>(p + from, to - from).Clear();
            return;
        }
        for (int c = from; c < low; c++) p[c] = RowMath<T>.MinusInfinity;
        for (int c = high; c < to; c++) p[c] = RowMath<T>.MinusInfinity;
        T m0 = T.Load(p + from), m1 = T.Load(p + from + T.Count);
        for (int c = from + 2 * T.Count; c < to; c += 2 * T.Count)
        {
            m0 = T.Max(m0, T.Load(p + c));
            m1 = T.Max(m1, T.Load(p + c + T.Count));
        }
        float before = max[row], now = MathF.Max(before, scale2 * T.HorizontalMax(T.Max(m0, m1)));
        T s = T.Broadcast(scale2), shift = T.Broadcast(-now), sum0 = T.Zero, sum1 = T.Zero;
        for (int c = from; c < to; c += 2 * T.Count)
        {
            T e0 = VectorMath.Exp2(T.MultiplyAdd(T.Load(p + c), s, shift));
            T e1 = VectorMath.Exp2(T.MultiplyAdd(T.Load(p + c + T.Count), s, shift));
            T.Store(e0, p + c);
            T.Store(e1, p + c + T.Count);
            sum0 += e0;
            sum1 += e1;
        }
        float total = T.Sum(sum0 + sum1);
        if (now > before)
        {
            float factor = MathF.Exp((before - now) / VectorMath.Log2E);
            RowMath<T>.Scale(output + row * stride, factor, output + row * stride, headDim);
            sum[row] = sum[row] * factor + total;
            max[row] = now;
        }
        else
        {
            sum[row] += total;
        }
    }
}
