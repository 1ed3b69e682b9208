using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Gradient of <see cref="AttentionKernel{T,TTile}"/>. A task is one key/value head of one sequence, its query heads one after the
/// other; where that gives too few tasks for the threads, one query head, with dK and dV of each head kept apart and added up in a
/// second loop. Both ways add the same numbers in the same order.
/// </summary>
internal sealed unsafe class AttentionGradientKernel<T, TTile> : CpuKernel, IParallelWork
    where T : struct, ISimd<T> where TTile : IGemmTile
{
    readonly AttentionShape shape;
    readonly Matrix q, k, v, o, dO, dQ, dK, dV;
    readonly float* logSumExp;
    readonly WorkerPool pool;
    readonly HeadSum? headSum;

    /// <summary>
    /// q, o, dO, dQ [N, H·head_dim], k, v, dK, dV [N, KV·head_dim], logSumExp [B, H, T] of the forward pass; dQ, dK, dV are overwritten.
    /// Must be run on the pool that it was built for.
    /// </summary>
    public AttentionGradientKernel(AttentionShape shape, Matrix q, Matrix k, Matrix v, Matrix o, Matrix dO, float* logSumExp,
        Matrix dQ, Matrix dK, Matrix dV, WorkerPool pool)
    {
        foreach (Matrix operand in (ReadOnlySpan<Matrix>)[q, o, dO, dQ]) shape.Check(operand, shape.Heads, nameof(q));
        foreach (Matrix operand in (ReadOnlySpan<Matrix>)[k, v, dK, dV]) shape.Check(operand, shape.KeyValueHeads, nameof(k));
        (this.shape, this.q, this.k, this.v, this.o, this.pool) = (shape, q, k, v, o, pool);
        (this.dO, this.dQ, this.dK, this.dV) = (dO, dQ, dK, dV);
        this.logSumExp = logSumExp;
        pool.ReserveScratch(FlashGradient<T, TTile>.ScratchLength(shape.HeadDim, shape.Tokens));
        if (AttentionTasks.Parts(shape.Sequences * shape.KeyValueHeads, shape.Group, pool.ThreadCount) > 1)
        {
            pool.ReserveSharedScratch(2L * shape.Rows * shape.Heads * shape.HeadDim);
            headSum = new HeadSum(this);
        }
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        pool.Run(this, shape.Sequences * (headSum is null ? shape.KeyValueHeads : shape.Heads));
        if (headSum is not null) pool.Run(headSum, shape.Rows);
    }

    /// <summary>dK or dV [N, H·head_dim] of every query head.</summary>
    Matrix PerHead(int which)
    {
        int columns = shape.Heads * shape.HeadDim;
        return new Matrix(pool.SharedScratch + (long)which * shape.Rows * columns, shape.Rows, columns);
    }

    void IParallelWork.RunTask(int task, int worker)
    {
        int heads = headSum is null ? shape.Group : 1, tasksPerSequence = shape.Heads / heads;
        int sequence = task / tasksPerSequence, firstHead = task % tasksPerSequence * heads, row0 = sequence * shape.Tokens;
        int keyColumn = firstHead / shape.Group * shape.HeadDim;
        var flash = new FlashGradient<T, TTile>(pool.Scratch(worker), shape.HeadDim, shape.Tokens, shape.Scale);
        for (int t = 0; t < shape.Tokens; t++)
        {
            flash.First[t] = shape.FirstKey(sequence, t);
            flash.End[t] = t + 1;
        }
        flash.Load(k.Row(row0) + keyColumn, k.Stride, v.Row(row0) + keyColumn, v.Stride);
        for (int head = firstHead; head < firstHead + heads; head++)
        {
            int column = head * shape.HeadDim;
            Matrix keyGradients = headSum is null ? dK : PerHead(0), valueGradients = headSum is null ? dV : PerHead(1);
            int gradientColumn = headSum is null ? keyColumn : column;
            flash.Run(q.Row(row0) + column, q.Stride, o.Row(row0) + column, o.Stride, dO.Row(row0) + column, dO.Stride,
                logSumExp + ((nint)sequence * shape.Heads + head) * shape.Tokens, dQ.Row(row0) + column, dQ.Stride,
                keyGradients.Row(row0) + gradientColumn, keyGradients.Stride,
                valueGradients.Row(row0) + gradientColumn, valueGradients.Stride, accumulate: head > firstHead);
        }
    }

    /// <summary>Second loop: a task adds up one row of dK and dV over the heads of each group.</summary>
    sealed class HeadSum(AttentionGradientKernel<T, TTile> kernel) : IParallelWork
    {
        public void RunTask(int task, int worker)
        {
            AddUp(kernel.PerHead(0).Row(task), kernel.dK.Row(task));
            AddUp(kernel.PerHead(1).Row(task), kernel.dV.Row(task));
        }

        void AddUp(float* perHead, float* sum)
        {
            int headDim = kernel.shape.HeadDim, group = kernel.shape.Group;
            for (int head = 0; head < kernel.shape.Heads; head++, perHead += headDim)
            {
                float* destination = sum + head / group * headDim;
                if (head % group == 0) RowMath<T>.Copy(perHead, destination, headDim, headDim);
                else RowMath<T>.Add(perHead, destination, headDim);
            }
        }
    }
}
