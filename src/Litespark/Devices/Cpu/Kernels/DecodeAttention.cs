// H query heads; a block is a run of cached keys
using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Attention of a few new tokens over a key/value cache, bound by reading the cache: so it is read from end to end, all heads of
/// a row together, once for a single token (further ones find a block in the processor's caches). The keys are cut into blocks by their number alone (flash decoding: Dao et al., 2023): a task finds the
/// maximum, the sum of exponentials and the weighted values of its block for every head; these are then joined in the order of the
/// blocks, so that the bits do not depend on the threads.
/// </summary>
internal sealed unsafe class DecodeAttention<T> : CpuKernel, IParallelWork where T : struct, ISimd<T>
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
    const int Quad = 4;
    const int SmallestBlock = 64;
    const int MostBlocks = 64;

    /// <summary>Joining fewer partial results takes less time than handing it out.</summary>
    const int FloatsWorthSharing = 1 << 12;

    readonly AttentionShape shape;
    readonly Matrix q, keyCache, valueCache, o;
    readonly int* positions;
    readonly WorkerPool pool;
    readonly int width, stride;
    readonly Joining join;
    int keys, blockKeys;

    /// <summary>Operands as <see cref="CachedAttentionKernel{T,TTile}"/>'s, which has checked them.</summary>
    public DecodeAttention(AttentionShape shape, Matrix q, Matrix keyCache, Matrix valueCache, int* positions, Matrix o, WorkerPool pool)
    {
        (this.shape, this.q, this.keyCache, this.valueCache, this.o, this.pool) = (shape, q, keyCache, valueCache, o, pool);
        this.positions = positions;
        join = new(this);
        width = shape.Heads * shape.HeadDim;
        stride = width + 2 * shape.Heads;
        pool.ReserveScratch((long)shape.Heads * BlockFor(keyCache.Rows));
        pool.ReserveSharedScratch((long)Math.Min(MostBlocks, GemmBlocking.Count(keyCache.Rows, SmallestBlock)) * shape.Tokens * stride);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A position is not in the cache.</exception>
    public override void Run(WorkerPool pool)
    {
        keys = CachePositions.Last(positions, shape.Tokens, keyCache.Rows) + 1;
        blockKeys = BlockFor(keys);
        int blocks = BlocksOf(keys), joins = shape.Tokens * shape.Heads;
        pool.Run(this, blocks);
        if ((long)joins * blocks * shape.HeadDim < FloatsWorthSharing)
        {
            for (int i = 0; i < joins; i++) join.RunTask(i, worker: 0);
        }
        else
        {
            pool.Run(join, joins);
        }
    }

    /// <summary>The second loop, a task for each head of each token.</summary>
    sealed class Joining(DecodeAttention<T> attention) : IParallelWork
    {
        public void RunTask(int task, int worker) => attention.Join(task / attention.shape.Heads, task % attention.shape.Heads);
    }

    static int BlockFor(int keys) => Math.Max(SmallestBlock, (keys + MostBlocks * Quad - 1) / (MostBlocks * Quad) * Quad);

    void IParallelWork.RunTask(int task, int worker)
    {
        int start = task * blockKeys, stop = Math.Min(start + blockKeys, keys);
        float* scores = pool.Scratch(worker);
        for (int row = 0; row < shape.Tokens; row++)
        {
            float* sums = Partial(task, row), maxima = sums + width, totals = maxima + shape.Heads;
            int first = Math.Max(start, shape.Window > 0 ? positions[row] - shape.Window + 1 : 0), live = Math.Min(stop, positions[row] + 1) - first;
            new Span<float>(sums, width).Clear();
            if (live <= 0)
            {
                new Span<float>(maxima, shape.Heads).Fill(RowMath<T>.MinusInfinity);
                new Span<float>(totals, shape.Heads).Clear();
                continue;
            }

            Scores(q.Row(row), first, live, scores);
            for (int head = 0; head < shape.Heads; head++)
            {
                float* p = scores + head * blockKeys;
                maxima[head] = shape.Scale * RowMath<T>.Max(p, live);
                totals[head] = RowMath<T>.ExpSum(p, shape.Scale, maxima[head], p, live);
                for (int j = live; j % Quad != 0; j++) p[j] = 0; // what the last key stood in for
            }

            AddValues(scores, first, live, sums);
        }
    }

    int BlocksOf(int count) => (count + blockKeys - 1) / blockKeys;

    /// <summary>A block's results for a token: weighted values [H · head_dim], maxima [H], sums of exponentials [H].</summary>
    float* Partial(int block, int row) => pool.SharedScratch + ((nint)block * shape.Tokens + row) * stride;

    /// <summary>scores[head, j] = query · key of the keys first … first + count − 1, four at a time, a quarter of the block
    /// apart: four long streams, which the hardware sees coming. The last key stands in for missing ones.</summary>
    [MethodImpl(Hot)]
    void Scores(float* query, int first, int count, float* scores)
    {
        int headDim = shape.HeadDim, heads = shape.Heads, group = shape.Group, last = first + count - 1;
        int quarter = (count + Quad - 1) / Quad;
        for (int j = 0; j < quarter; j++)
        {
            int key = first + j;
            float* k0 = keyCache.Row(key), k1 = keyCache.Row(Math.Min(key + quarter, last));
            float* k2 = keyCache.Row(Math.Min(key + 2 * quarter, last)), k3 = keyCache.Row(Math.Min(key + 3 * quarter, last));
            for (int head = 0; head < heads; head++)
            {
                nint column = head / group * headDim;
                Dots(query + head * headDim, k0 + column, k1 + column, k2 + column, k3 + column, headDim, scores + head * blockKeys + j, quarter);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Dots(float* query, float* k0, float* k1, float* k2, float* k3, nint count, float* scores, nint quarter)
    {
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
        nint d = 0;
        for (; d <= count - T.Count; d += T.Count)
        {
            T x = T.Load(query + d);
            s0 = T.MultiplyAdd(x, T.Load(k0 + d), s0);
            s1 = T.MultiplyAdd(x, T.Load(k1 + d), s1);
            s2 = T.MultiplyAdd(x, T.Load(k2 + d), s2);
            s3 = T.MultiplyAdd(x, T.Load(k3 + d), s3);
        }

        scores[0] = T.Sum(s0);
        scores[quarter] = T.Sum(s1);
        scores[2 * quarter] = T.Sum(s2);
        scores[3 * quarter] = T.Sum(s3);
        for (; d < count; d++)
        {
            scores[0] += query[d] * k0[d];
            scores[quarter] += query[d] * k1[d];
            scores[2 * quarter] += query[d] * k2[d];
            scores[3 * quarter] += query[d] * k3[d];
        }
    }

    /// <summary>sums[head] += Σ_j p[head, j] · value j, four values at a time.</summary>
    [MethodImpl(Hot)]
    void AddValues(float* p, int first, int count, float* sums)
    {
        int headDim = shape.HeadDim, heads = shape.Heads, group = shape.Group, last = first + count - 1;
        int quarter = (count + Quad - 1) / Quad;
        for (int j = 0; j < quarter; j++)
        {
            int key = first + j;
            float* v0 = valueCache.Row(key), v1 = valueCache.Row(Math.Min(key + quarter, last));
            float* v2 = valueCache.Row(Math.Min(key + 2 * quarter, last)), v3 = valueCache.Row(Math.Min(key + 3 * quarter, last));
            for (int head = 0; head < heads; head++)
            {
                nint column = head / group * headDim;
                AddScaled(p + head * blockKeys + j, quarter, v0 + column, v1 + column, v2 + column, v3 + column, headDim, sums + head * headDim);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void AddScaled(float* p, nint quarter, float* v0, float* v1, float* v2, float* v3, nint count, float* sums)
    {
        T p0 = T.Broadcast(p[0]), p1 = T.Broadcast(p[quarter]), p2 = T.Broadcast(p[2 * quarter]), p3 = T.Broadcast(p[3 * quarter]);
        nint d = 0;
        for (; d <= count - T.Count; d += T.Count)
        {
            T near = T.MultiplyAdd(p1, T.Load(v1 + d), T.MultiplyAdd(p0, T.Load(v0 + d), T.Load(sums + d)));
            T.Store(near + T.MultiplyAdd(p3, T.Load(v3 + d), p2 * T.Load(v2 + d)), sums + d);
        }

        for (; d < count; d++) sums[d] += p[0] * v0[d] + p[quarter] * v1[d] + (p[2 * quarter] * v2[d] + p[3 * quarter] * v3[d]);
    }

    /// <summary>o = Σ_blocks e^(maximum − largest) · sums, divided by the same sum of the totals.</summary>
    void Join(int row, int head)
    {
        int blocks = BlocksOf(keys), headDim = shape.HeadDim;
        float* output = o.Row(row) + head * headDim;
        float largest = RowMath<T>.MinusInfinity, total = 0;
        for (int block = 0; block < blocks; block++) largest = MathF.Max(largest, Partial(block, row)[width + head]);
        for (int block = 0; block < blocks; block++)
        {
            // The maximum's place keeps its exponential: no one else reads this head's.
            float* maximum = Partial(block, row) + width + head;
            *maximum = MathF.Exp(*maximum - largest);
            total += *maximum * maximum[shape.Heads];
        }

        new Span<float>(output, headDim).Clear();
        for (int block = 0; block < blocks; block++)
        {
            float* partial = Partial(block, row);
            RowMath<T>.AddScaled(partial + head * headDim, partial[width + head] / total, output, headDim);
        }
    }
}
