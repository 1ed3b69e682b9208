using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Fused causal attention, o = softmax(scale · q kᵀ + mask) v for every head, without the T × T matrix; also keeps log Σ exp of every
/// row's scores for the backward pass. A task is one key/value head of one sequence with its query heads; where that gives too few
/// tasks for the threads, their blocks of queries are dealt out further. A block is computed alike in either case.
/// </summary>
internal sealed unsafe class AttentionKernel<T, TTile> : CpuKernel, IParallelWork where T : struct, ISimd<T> where TTile : IGemmTile
{
    readonly AttentionShape shape;
    readonly Matrix q, k, v, o;
    readonly float* logSumExp;
    readonly WorkerPool pool;
    readonly int queryBlocks, parts;

    // Where there is a pattern: the share of visible pairs that were computed, of how many each task knows.
    readonly float* live;
    readonly NativeBuffer? pairs;

    /// <summary>
    /// q, o [N, H·head_dim], k, v [N, KV·head_dim], logSumExp [B, H, T], both outputs fully overwritten.
    /// live [1], with a pattern only: the share of the pairs visible without it that was computed.
    /// Must be run on the pool that it was built for.
    /// </summary>
    public AttentionKernel(AttentionShape shape, Matrix q, Matrix k, Matrix v, Matrix o, float* logSumExp, WorkerPool pool, float* live = null)
    {
        shape.Check(q, shape.Heads, nameof(q));
        shape.Check(k, shape.KeyValueHeads, nameof(k));
        shape.Check(v, shape.KeyValueHeads, nameof(v));
        shape.Check(o, shape.Heads, nameof(o));
        (this.shape, this.q, this.k, this.v, this.o, this.pool) = (shape, q, k, v, o, pool);
        this.logSumExp = logSumExp;
        queryBlocks = (shape.Tokens + FlashForward<T, TTile>.QueryBlock - 1) / FlashForward<T, TTile>.QueryBlock;
        parts = AttentionTasks.Parts(shape.Sequences * shape.KeyValueHeads, queryBlocks * shape.Group, pool.ThreadCount);
        pool.ReserveScratch(FlashForward<T, TTile>.ScratchLength(shape.HeadDim, shape.Tokens, shape.Pattern is not null));
        this.live = live;
        if (shape.Pattern is not null) pairs = new NativeBuffer(Tasks * 2L * sizeof(long));
    }

    int Tasks => shape.Sequences * shape.KeyValueHeads * parts;

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        pool.Run(this, Tasks);
        if (pairs is null || live is null) return;
        // Whole numbers: their sum is the same in any order.
        long computed = 0, visible = 0;
        for (int task = 0; task < Tasks; task++)
        {
            computed += ((long*)pairs.Pointer)[2 * task];
            visible += ((long*)pairs.Pointer)[2 * task + 1];
        }
        *live = (float)((double)computed / visible);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        pairs?.Dispose();
        base.Dispose();
    }

    void IParallelWork.RunTask(int task, int worker)
    {
        int part = task % parts, head = task / parts % shape.KeyValueHeads, sequence = task / parts / shape.KeyValueHeads;
        int row0 = sequence * shape.Tokens;
        long computed = 0, visible = 0;
        float threshold = shape.ScoreThreshold;
        var keys = new Matrix(k.Row(row0) + head * shape.HeadDim, shape.Tokens, shape.HeadDim, k.Stride);
        var flash = new FlashForward<T, TTile>(pool.Scratch(worker), shape.HeadDim, shape.Tokens, shape.Scale);
        flash.Load(keys.Data, k.Stride, v.Row(row0) + head * shape.HeadDim, v.Stride, shape.Tokens);
        if (!float.IsNegativeInfinity(threshold)) flash.LoadKeysToSelect(keys);
        // Dealt out in turn: later blocks see more keys.
        for (int item = part; item < queryBlocks * shape.Group; item += parts)
        {
            int queryHead = head * shape.Group + item % shape.Group;
            int t0 = item / shape.Group * FlashForward<T, TTile>.QueryBlock;
            int rows = Math.Min(FlashForward<T, TTile>.QueryBlock, shape.Tokens - t0);
            AttentionPattern pattern = shape.PatternOf(queryHead);
            long shown = shape.FillRanges(sequence, pattern, t0, t0 + rows, flash.First, flash.End);
            var queries = new Matrix(q.Row(row0 + t0) + queryHead * shape.HeadDim, rows, shape.HeadDim, q.Stride);
            flash.LoadQueries(queries);
            TileSelection selection = default;
            visible += shown;
            if (pattern.Step > 0 || !float.IsNegativeInfinity(threshold)) shown = flash.Select(queries, keys, t0, pattern, threshold, out selection);
            else if (pattern.Mode != AttentionMode.Causal) shown = flash.Keys(rows);
            computed += shown;
            flash.Run(rows, o.Row(row0 + t0) + queryHead * shape.HeadDim, o.Stride,
                logSumExp + ((nint)sequence * shape.Heads + queryHead) * shape.Tokens + t0, selection);
        }
        if (pairs is null) return;
        ((long*)pairs.Pointer)[2 * task] = computed;
        ((long*)pairs.Pointer)[2 * task + 1] = visible;
    }
}
