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
    const int Block = FlashTiles<T, TTile>.Block;

    readonly int headDim, tokens, stride;
    readonly float scale;
    readonly float* keyPanels, valuePanels, keys, queries, outputGradients, queryGradients, delta;
    readonly float* probabilities, scoreGradients, blockKeyGradients, blockValueGradients;

    /// <summary>First key that each query sees; to be filled before <see cref="Run"/>.</summary>
    public readonly int* First;

    /// <summary>Key behind the last one that each query sees; to be filled before <see cref="Run"/>.</summary>
    public readonly int* End;

    /// <summary>Floats of scratch memory: linear in <paramref name="tokens"/>.</summary>
    public static long ScratchLength(int headDim, int tokens)
        => 2 * FlashTiles<T, TTile>.PackedLength(headDim, tokens) + 4 * FlashTiles<T, TTile>.CopyLength(headDim, tokens)
        + 2 * FlashTiles<T, TTile>.CopyLength(headDim, Block) + 2 * Block * Block + 3L * FlashTiles<T, TTile>.RoundUp(tokens, 16);

    /// <summary>Lays the buffers out in <paramref name="scratch"/>.</summary>
    public FlashGradient(float* scratch, int headDim, int tokens, float scale)
    {
        this.headDim = headDim;
        this.tokens = tokens;
        this.scale = scale;
        stride = FlashTiles<T, TTile>.CopyStride(headDim);
        long packed = FlashTiles<T, TTile>.PackedLength(headDim, tokens), copied = FlashTiles<T, TTile>.CopyLength(headDim, tokens);
        keyPanels = scratch;
        valuePanels = keyPanels + packed;
        keys = valuePanels + packed;
        queries = keys + copied;
        outputGradients = queries + copied;
        queryGradients = outputGradients + copied;
        blockKeyGradients = queryGradients + copied;
        blockValueGradients = blockKeyGradients + FlashTiles<T, TTile>.CopyLength(headDim, Block);
        probabilities = blockValueGradients + FlashTiles<T, TTile>.CopyLength(headDim, Block);
        scoreGradients = probabilities + Block * Block;
        delta = scoreGradients + Block * Block;
        First = (int*)(delta + FlashTiles<T, TTile>.RoundUp(tokens, 16));
        End = First + FlashTiles<T, TTile>.RoundUp(tokens, 16);
    }

    /// <summary>Takes in the keys and values of a key/value head.</summary>
    public void Load(float* k, nint keyStride, float* v, nint valueStride)
    {
        GemmPack.Transposed(k, keyStride, tokens, headDim, TTile.Columns, keyPanels);
        GemmPack.Transposed(v, valueStride, tokens, headDim, TTile.Columns, valuePanels);
        FlashTiles<T, TTile>.Copy(k, keyStride, tokens, headDim, keys);
    }

    /// <summary>
    /// Gradients of one query head with respect to its queries (written) and to the keys and values (written, or
    /// with <paramref name="accumulate"/> added to what is there: the sum over the heads of a group).
    /// </summary>
    [MethodImpl(Hot)]
    public void Run(float* q, nint qStride, float* o, nint oStride, float* dO, nint dOStride, float* logSumExp,
        float* dQ, nint dQStride, float* dK, nint dKStride, float* dV, nint dVStride, bool accumulate)
    {
        FlashTiles<T, TTile>.Copy(q, qStride, tokens, headDim, queries);
        FlashTiles<T, TTile>.Copy(dO, dOStride, tokens, headDim, outputGradients);
        new Span<float>(queryGradients, (int)FlashTiles<T, TTile>.CopyLength(headDim, tokens)).Clear();
        for (int r = 0; r < tokens; r++) delta[r] = RowMath<T>.Dot(o + r * oStride, dO + r * dOStride, headDim);

        int blockLength = (int)FlashTiles<T, TTile>.CopyLength(headDim, Block);
        for (int k0 = 0; k0 < tokens; k0 += Block)
        {
            new Span<float>(blockKeyGradients, blockLength).Clear();
            new Span<float>(blockValueGradients, blockLength).Clear();
            // A key is never seen by an earlier query.
            for (int q0 = k0; q0 < tokens; q0 += Block) Tile(q0, Math.Min(Block, tokens - q0), k0, logSumExp);
            for (int c = 0; c < Math.Min(Block, tokens - k0); c++)
            {
                Deliver(blockKeyGradients + c * stride, dK + (k0 + c) * dKStride, accumulate);
                Deliver(blockValueGradients + c * stride, dV + (k0 + c) * dVStride, accumulate);
            }
        }
        for (int r = 0; r < tokens; r++) RowMath<T>.Copy(queryGradients + (nint)r * stride, dQ + r * dQStride, headDim, headDim);
    }

    void Deliver(float* source, float* destination, bool accumulate)
    {
        if (accumulate) RowMath<T>.Add(source, destination, headDim);
        else RowMath<T>.Copy(source, destination, headDim, headDim);
    }

    void Tile(int q0, int rows, int k0, float* logSumExp)
    {
        int keyCount = Math.Min(Block, tokens - k0), live = 0;
        for (int r = q0; r < q0 + rows; r++) live += Math.Max(0, Math.Min(End[r] - k0, keyCount) - Math.Max(First[r] - k0, 0));
        if (live == 0) return;
        bool full = live == rows * Block;
        if (!full)
        {
            // The column products read rows beyond what is computed below.
            new Span<float>(probabilities, rows * Block).Clear();
            new Span<float>(scoreGradients, rows * Block).Clear();
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
            FlashTiles<T, TTile>.ColumnProduct(probabilities + top * Block + c, bottom - top, outputGradients + from, headDim,
                blockValueGradients + c * stride);
            FlashTiles<T, TTile>.ColumnProduct(scoreGradients + top * Block + c, bottom - top, queries + from, headDim,
                blockKeyGradients + c * stride);
        }
    }

    /// <summary>Whether a query sees any key of the tile of columns that begins with <paramref name="key"/>.</summary>
    bool Sees(int query, int key) => First[query] < key + TTile.Rows && End[query] > key;

    void Strip(int q0, int r, int rows, int k0, int keyCount, float* logSumExp)
    {
        int row0 = q0 + r;
        (int low, int high) = FlashTiles<T, TTile>.Span(First + row0, End + row0, rows, k0, keyCount);
        if (low >= high) return;
        int from = low / TTile.Columns * TTile.Columns, to = FlashTiles<T, TTile>.RoundUp(high, TTile.Columns);
        float* p = probabilities + r * Block, dS = scoreGradients + r * Block;
        nint offset = (nint)row0 * stride;
        FlashTiles<T, TTile>.Scores(queries + offset, headDim, keyPanels, k0, from, to, p, Block);
        FlashTiles<T, TTile>.Scores(outputGradients + offset, headDim, valuePanels, k0, from, to, dS, Block);
        for (int i = 0; i < rows; i++)
        {
            int row = row0 + i;
            ScoreGradient(p + i * Block, dS + i * Block, logSumExp[row], delta[row], from, to,
                Math.Max(First[row] - k0, from), Math.Min(End[row] - k0, to));
        }
        FlashTiles<T, TTile>.RowProduct(dS + low, Block, high - low, keys + (nint)(k0 + low) * stride, headDim, queryGradients + offset);
    }

    /// <summary>
    /// In the columns [from, to) of a row: p = exp(scale · p − lse) from scores, g = scale · p · (g − delta) from gradients of p;
    /// both 0 outside [low, high).
    /// </summary>
    [MethodImpl(Hot)]
    void ScoreGradient(float* p, float* g, float logSumExp, float delta, int from, int to, int low, int high)
    {
        if (low >= high) low = high = to;
        for (int c = from; c < low; c++) p[c] = RowMath<T>.MinusInfinity;
        for (int c = high; c < to; c++) p[c] = RowMath<T>.MinusInfinity;
        T s = T.Broadcast(scale), d = T.Broadcast(delta);
        T s2 = T.Broadcast(scale * VectorMath.Log2E), shift = T.Broadcast(-VectorMath.Log2E * logSumExp);
        for (int c = from; c < to; c += 2 * T.Count)
        {
            T p0 = VectorMath.Exp2(T.MultiplyAdd(T.Load(p + c), s2, shift));
            T p1 = VectorMath.Exp2(T.MultiplyAdd(T.Load(p + c + T.Count), s2, shift));
            T.Store(p0, p + c);
            T.Store(p1, p + c + T.Count);
            T.Store(p0 * s * (T.Load(g + c) - d), g + c);
            T.Store(p1 * s * (T.Load(g + c + T.Count) - d), g + c + T.Count);
        }
    }
}
