using Litespark.Devices.Cpu.Simd;

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

    /// <summary>
    /// q, o [N, H·head_dim], k, v [N, KV·head_dim], logSumExp [B, H, T], both outputs fully overwritten.
    /// Must be run on the pool that it was built for.
    /// </summary>
    public AttentionKernel(AttentionShape shape, Matrix q, Matrix k, Matrix v, Matrix o, float* logSumExp, WorkerPool pool)
    {
        shape.Check(q, shape.Heads, nameof(q));
        shape.Check(k, shape.KeyValueHeads, nameof(k));
        shape.Check(v, shape.KeyValueHeads, nameof(v));
        shape.Check(o, shape.Heads, nameof(o));
        (this.shape, this.q, this.k, this.v, this.o, this.pool) = (shape, q, k, v, o, pool);
        this.logSumExp = logSumExp;
        queryBlocks = (shape.Tokens + FlashForward<T, TTile>.QueryBlock - 1) / FlashForward<T, TTile>.QueryBlock;
        parts = AttentionTasks.Parts(shape.Sequences * shape.KeyValueHeads, queryBlocks * shape.Group, pool.ThreadCount);
        pool.ReserveScratch(FlashForward<T, TTile>.ScratchLength(shape.HeadDim, shape.Tokens));
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool) => pool.Run(this, shape.Sequences * shape.KeyValueHeads * parts);

    void IParallelWork.RunTask(int task, int worker)
    {
        int part = task % parts, head = task / parts % shape.KeyValueHeads, sequence = task / parts / shape.KeyValueHeads;
        int row0 = sequence * shape.Tokens;
        var flash = new FlashForward<T, TTile>(pool.Scratch(worker), shape.HeadDim, shape.Tokens, shape.Scale);
        flash.Load(k.Row(row0) + head * shape.HeadDim, k.Stride, v.Row(row0) + head * shape.HeadDim, v.Stride, shape.Tokens);
        // Dealt out in turn: later blocks see more keys.
        for (int item = part; item < queryBlocks * shape.Group; item += parts)
        {
            int queryHead = head * shape.Group + item % shape.Group;
            int t0 = item / shape.Group * FlashForward<T, TTile>.QueryBlock;
            int rows = Math.Min(FlashForward<T, TTile>.QueryBlock, shape.Tokens - t0);
            for (int r = 0; r < rows; r++)
            {
                flash.First[r] = shape.FirstKey(sequence, t0 + r);
                flash.End[r] = t0 + r + 1;
            }
            int column = queryHead * shape.HeadDim;
            flash.Run(q.Row(row0 + t0) + column, q.Stride, rows, o.Row(row0 + t0) + column, o.Stride,
                logSumExp + ((nint)sequence * shape.Heads + queryHead) * shape.Tokens + t0);
        }
    }
}
