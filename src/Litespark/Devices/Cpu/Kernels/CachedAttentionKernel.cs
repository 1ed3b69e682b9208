using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Attention of M new tokens over a key/value cache that already holds their own keys and values. Few tokens (decoding) read the cache
/// row by row where it lies, once for all query heads of a group: the cost is the bandwidth. Many (prefill) go through the register
/// tiles of flash attention.
/// </summary>
internal sealed unsafe class CachedAttentionKernel<T, TTile> : CpuKernel, IParallelWork where T : struct, ISimd<T> where TTile : IGemmTile
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    /// <summary>From this many tokens on, packing the cache for the register tiles pays.</summary>
    public const int PrefillFrom = 16;

    /// <summary>Keys read before the next query head of the group reads them again, from the first-level cache.</summary>
    const int KeyBlock = 64;

    readonly AttentionShape shape;
    readonly Matrix q, keyCache, valueCache, o;
    readonly int* positions;
    readonly WorkerPool pool;
    readonly int queryBlocks, parts;
    int keys;

    /// <summary>
    /// q, o [M, H·head_dim], caches [capacity, KV·head_dim], positions [M], read on every run: a token at position p sees the cache
    /// rows max(0, p − window + 1) … p. The shape is one sequence of M tokens without document starts.
    /// Must be run on the pool that it was built for.
    /// </summary>
    public CachedAttentionKernel(AttentionShape shape, Matrix q, Matrix keyCache, Matrix valueCache, int* positions, Matrix o,
        WorkerPool pool)
    {
        if (shape.Sequences != 1 || shape.DocumentStarts is not null)
            throw new ArgumentException("A cache holds one sequence of one document.", nameof(shape));
        shape.Check(q, shape.Heads, nameof(q));
        shape.Check(o, shape.Heads, nameof(o));
        int columns = shape.KeyValueHeads * shape.HeadDim;
        if (keyCache.Columns != columns || valueCache.Columns != columns || keyCache.Rows != valueCache.Rows)
            throw new ArgumentException($"The caches are not both [capacity, {columns}].", nameof(keyCache));
        (this.shape, this.q, this.keyCache, this.valueCache, this.o, this.pool) = (shape, q, keyCache, valueCache, o, pool);
        this.positions = positions;
        if (shape.Tokens < PrefillFrom)
        {
            parts = shape.KeyValueHeads >= pool.ThreadCount ? 1 : shape.Group;
            pool.ReserveScratch((long)shape.Group * keyCache.Rows);
        }
        else
        {
            queryBlocks = (shape.Tokens + FlashForward<T, TTile>.QueryBlock - 1) / FlashForward<T, TTile>.QueryBlock;
            parts = AttentionTasks.Parts(shape.KeyValueHeads, queryBlocks * shape.Group, pool.ThreadCount);
            pool.ReserveScratch(FlashForward<T, TTile>.ScratchLength(shape.HeadDim, keyCache.Rows));
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A position is not in the cache.</exception>
    public override void Run(WorkerPool pool)
    {
        keys = CachePositions.Last(positions, shape.Tokens, keyCache.Rows) + 1;
        pool.Run(this, shape.KeyValueHeads * parts);
    }

    void IParallelWork.RunTask(int task, int worker)
    {
        int part = task % parts, head = task / parts;
        if (queryBlocks > 0) Prefill(head, part, worker);
        else Decode(head, part, worker);
    }

    int FirstKey(int row) => shape.Window > 0 ? Math.Max(0, positions[row] - shape.Window + 1) : 0;

    void Prefill(int head, int part, int worker)
    {
        var flash = new FlashForward<T, TTile>(pool.Scratch(worker), shape.HeadDim, keyCache.Rows, shape.Scale);
        int keyColumn = head * shape.HeadDim;
        flash.Load(keyCache.Data + keyColumn, keyCache.Stride, valueCache.Data + keyColumn, valueCache.Stride, keys);
        for (int item = part; item < queryBlocks * shape.Group; item += parts)
        {
            int column = (head * shape.Group + item % shape.Group) * shape.HeadDim;
            int row0 = item / shape.Group * FlashForward<T, TTile>.QueryBlock;
            int rows = Math.Min(FlashForward<T, TTile>.QueryBlock, shape.Tokens - row0);
            for (int r = 0; r < rows; r++)
            {
                flash.First[r] = FirstKey(row0 + r);
                flash.End[r] = positions[row0 + r] + 1;
            }
            flash.Run(q.Row(row0) + column, q.Stride, rows, o.Row(row0) + column, o.Stride, null);
        }
    }

    void Decode(int head, int part, int worker)
    {
        int heads = shape.Group / parts, firstHead = head * shape.Group + part * heads, headDim = shape.HeadDim;
        float* scores = pool.Scratch(worker);
        for (int row = 0; row < shape.Tokens; row++)
        {
            int first = FirstKey(row), end = positions[row] + 1, live = end - first;
            float* query = q.Row(row) + firstHead * headDim, output = o.Row(row) + firstHead * headDim;
            new Span<float>(output, heads * headDim).Clear();
            for (int key = first; key < end; key += KeyBlock)
            {
                for (int h = 0; h < heads; h++)
                    Dots(query + h * headDim, keyCache.Row(key) + head * headDim, keyCache.Stride, Math.Min(KeyBlock, end - key), headDim,
                        scores + (nint)h * live + key - first);
            }
            for (int key = first; key < end; key += KeyBlock)
            {
                for (int h = 0; h < heads; h++)
                {
                    float* p = scores + (nint)h * live;
                    if (key == first) Softmax(p, live);
                    WeightedSum(p + key - first, valueCache.Row(key) + head * headDim, valueCache.Stride, Math.Min(KeyBlock, end - key),
                        output + h * headDim, headDim);
                }
            }
        }
    }

    void Softmax(float* p, int length)
    {
        float sum = RowMath<T>.ExpSum(p, shape.Scale, shape.Scale * RowMath<T>.Max(p, length), p, length);
        RowMath<T>.Scale(p, 1 / sum, p, length);
    }

    /// <summary>scores[j] = query · key j; four keys at a time, so that their sums do not wait for each other.</summary>
    [MethodImpl(Hot)]
    static void Dots(float* query, float* key, nint stride, int count, int headDim, float* scores)
    {
        int j = 0;
        for (; j + 4 <= count; j += 4, key += 4 * stride)
        {
            T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
            int d = 0;
            for (; d + T.Count <= headDim; d += T.Count)
            {
                T x = T.Load(query + d);
                s0 = T.MultiplyAdd(x, T.Load(key + d), s0);
                s1 = T.MultiplyAdd(x, T.Load(key + stride + d), s1);
                s2 = T.MultiplyAdd(x, T.Load(key + 2 * stride + d), s2);
                s3 = T.MultiplyAdd(x, T.Load(key + 3 * stride + d), s3);
            }
            float t0 = T.Sum(s0), t1 = T.Sum(s1), t2 = T.Sum(s2), t3 = T.Sum(s3);
            for (; d < headDim; d++)
            {
                float x = query[d];
                t0 += x * key[d];
                t1 += x * key[stride + d];
                t2 += x * key[2 * stride + d];
                t3 += x * key[3 * stride + d];
            }
            scores[j] = t0;
            scores[j + 1] = t1;
            scores[j + 2] = t2;
            scores[j + 3] = t3;
        }
        for (; j < count; j++, key += stride) scores[j] = RowMath<T>.Dot(query, key, headDim);
    }

    /// <summary>output += Σ_j p[j] · value j; four registers of columns at a time.</summary>
    [MethodImpl(Hot)]
    static void WeightedSum(float* p, float* value, nint stride, int count, float* output, int headDim)
    {
        int d = 0;
        for (; d + 4 * T.Count <= headDim; d += 4 * T.Count)
        {
            float* v = value + d, destination = output + d;
            T s0 = T.Load(destination), s1 = T.Load(destination + T.Count);
            T s2 = T.Load(destination + 2 * T.Count), s3 = T.Load(destination + 3 * T.Count);
            for (int j = 0; j < count; j++, v += stride)
            {
                T x = T.Broadcast(p[j]);
                s0 = T.MultiplyAdd(x, T.Load(v), s0);
                s1 = T.MultiplyAdd(x, T.Load(v + T.Count), s1);
                s2 = T.MultiplyAdd(x, T.Load(v + 2 * T.Count), s2);
                s3 = T.MultiplyAdd(x, T.Load(v + 3 * T.Count), s3);
            }
            T.Store(s0, destination);
            T.Store(s1, destination + T.Count);
            T.Store(s2, destination + 2 * T.Count);
            T.Store(s3, destination + 3 * T.Count);
        }
        for (; d + T.Count <= headDim; d += T.Count)
        {
            T sum = T.Load(output + d);
            for (int j = 0; j < count; j++) sum = T.MultiplyAdd(T.Broadcast(p[j]), T.Load(value + j * stride + d), sum);
            T.Store(sum, output + d);
        }
        for (; d < headDim; d++)
        {
            for (int j = 0; j < count; j++) output[d] += p[j] * value[j * stride + d];
        }
    }
}
