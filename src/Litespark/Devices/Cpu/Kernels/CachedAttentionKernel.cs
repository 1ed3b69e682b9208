using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Attention of M new tokens over a key/value cache that already holds their own keys and values. Few tokens (decoding) read the cache
/// where it lies (<see cref="DecodeAttention{T}"/>): the cost is the bandwidth. Many (prefill) go through the register tiles of flash
/// attention.
/// </summary>
internal sealed unsafe class CachedAttentionKernel<T, TTile> : CpuKernel, IParallelWork where T : struct, ISimd<T> where TTile : IGemmTile
{
    /// <summary>From this many tokens on, packing the cache for the register tiles pays.</summary>
    public const int PrefillFrom = 16;

    readonly AttentionShape shape;
    readonly Matrix q, keyCache, valueCache, o;
    readonly int* positions;
    readonly WorkerPool pool;
    readonly int queryBlocks, parts;
    readonly DecodeAttention<T>? decode;
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
            decode = new DecodeAttention<T>(shape, q, keyCache, valueCache, positions, o, pool);
        }
        else
        {
            queryBlocks = (shape.Tokens + FlashForward<T, TTile>.QueryBlock - 1) / FlashForward<T, TTile>.QueryBlock;
            parts = AttentionTasks.Parts(shape.KeyValueHeads, queryBlocks * shape.Group, pool.ThreadCount);
            pool.ReserveScratch(FlashForward<T, TTile>.ScratchLength(shape.HeadDim, keyCache.Rows, hasPattern: false));
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A position is not in the cache.</exception>
    public override void Run(WorkerPool pool)
    {
        if (decode is not null)
        {
            decode.Run(pool);
            return;
        }

        keys = CachePositions.Last(positions, shape.Tokens, keyCache.Rows) + 1;
        pool.Run(this, shape.KeyValueHeads * parts);
    }

    void IParallelWork.RunTask(int task, int worker)
    {
        int part = task % parts, head = task / parts;
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
            flash.LoadQueries(new Matrix(q.Row(row0) + column, rows, shape.HeadDim, q.Stride));
            flash.Run(rows, o.Row(row0) + column, o.Stride, null);
        }
    }

    int FirstKey(int row) => shape.Window > 0 ? Math.Max(0, positions[row] - shape.Window + 1) : 0;
}
