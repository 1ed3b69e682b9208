using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Gradient of <see cref="AttentionKernel{T,TTile}"/>. A task is one key/value head of one sequence, its query heads one after the
/// other; where that gives too few tasks for the threads, one query head, with dK and dV of each head kept apart and added up in a
/// second loop. Both ways add the same numbers in the same order. Of very few heads each is worked on by all threads (<see cref="Steps"/>).
/// </summary>
internal sealed unsafe class AttentionGradientKernel<T, TTile> : CpuKernel, IParallelWork
    where T : struct, ISimd<T> where TTile : IGemmTile
{
    readonly AttentionShape shape;
    readonly Matrix q, k, v, o, dO, dQ, dK, dV;
    readonly float* logSumExp;
    readonly WorkerPool pool;
    readonly HeadSum? headSum;
    readonly Steps? steps;

    // Short where threads share a head: more tasks.
    readonly int keyBlock;

    // Query heads of all sequences up to which the threads share each head.
    const int FewHeads = 3;

    /// <summary>Whether the threads work on one head after the other together. By shape alone: the order of sums differs.</summary>
    public static bool SharesHeads(in AttentionShape shape)
        => shape.Sequences * shape.Heads <= FewHeads && shape.Tokens > FlashGradient<T, TTile>.Block;

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
        long headLength = FlashGradient<T, TTile>.HeadLength(shape.HeadDim, shape.Tokens, shape.Pattern is not null);
        keyBlock = SharesHeads(shape) ? FlashGradient<T, TTile>.Block : FlashGradient<T, TTile>.KeyBlock(shape.HeadDim);
        long blockLength = FlashGradient<T, TTile>.BlockLength(shape.HeadDim, keyBlock);
        if (SharesHeads(shape))
        {
            pool.ReserveScratch(blockLength);
            pool.ReserveSharedScratch(headLength);
            steps = new Steps(this);
            return;
        }
        pool.ReserveScratch(headLength + blockLength);
        if (AttentionTasks.Parts(shape.Sequences * shape.KeyValueHeads, shape.Group, pool.ThreadCount) > 1)
        {
            pool.ReserveSharedScratch(2L * shape.Rows * shape.Heads * shape.HeadDim);
            headSum = new HeadSum(this);
        }
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        if (steps is not null)
        {
            steps.Run(pool);
            return;
        }
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
        int heads = headSum is null ? shape.Group : 1, tasksPerSequence = shape.Heads / heads, tokens = shape.Tokens;
        int sequence = task / tasksPerSequence, firstHead = task % tasksPerSequence * heads;
        float* scratch = pool.Scratch(worker);
        var flash = new FlashGradient<T, TTile>(scratch, scratch + FlashGradient<T, TTile>.HeadLength(shape.HeadDim, tokens, shape.Pattern is not null),
            shape.HeadDim, tokens, shape.Scale, keyBlock);
        float threshold = shape.ScoreThreshold;
        for (int head = firstHead; head < firstHead + heads; head++)
        {
            HeadOperands operands = Operands(sequence, head);
            AttentionPattern pattern = shape.PatternOf(head);
            bool selects = Selects(pattern, threshold);
            if (shape.Pattern is not null || head == firstHead) shape.FillRanges(sequence, pattern, 0, tokens, flash.First, flash.End);
            if (head == firstHead) flash.LoadKeys(operands, 0, tokens);
            if (head == firstHead && !float.IsNegativeInfinity(threshold)) flash.LoadKeysToSelect(operands, 0, tokens);
            flash.LoadQueries(operands, 0, tokens);
            if (selects) flash.Select(operands, pattern, threshold, 0, tokens);
            flash.Run(operands, 0, tokens, 0, tokens, accumulate: head > firstHead, selects ? flash.Selection(pattern) : default);
            flash.DeliverQueries(operands, 0, tokens);
        }
    }

    /// <summary>Whether a head computes less than all keys between a query's first and last.</summary>
    static bool Selects(in AttentionPattern pattern, float threshold) => pattern.Step > 0 || !float.IsNegativeInfinity(threshold);

    /// <summary>Operands of a query head; dK and dV its own where heads are added up later.</summary>
    HeadOperands Operands(int sequence, int head)
    {
        int keyHead = head / shape.Group;
        float* lse = logSumExp + ((nint)sequence * shape.Heads + head) * shape.Tokens;
        return new(Part(q, head), Part(k, keyHead), Part(v, keyHead), Part(o, head), Part(dO, head), lse, Part(dQ, head),
            headSum is null ? Part(dK, keyHead) : Part(PerHead(0), head), headSum is null ? Part(dV, keyHead) : Part(PerHead(1), head));

        Matrix Part(Matrix m, int column)
            => new(m.Row(sequence * shape.Tokens) + column * shape.HeadDim, shape.Tokens, shape.HeadDim, m.Stride);
    }

    /// <summary>
    /// The threads share one head after the other, a few blocks of queries × a few blocks of keys a task. Step i takes the tasks whose
    /// queries lie i stretches behind their keys: no two of them touch the same gradients, and every gradient is added up in the
    /// order of the steps, however many threads there are.
    /// </summary>
    sealed class Steps(AttentionGradientKernel<T, TTile> kernel) : IParallelWork
    {
        const int Load = -1, Select = -2, Deliver = -3;

        // Enough for many threads; not so many that waiting for the last task of every step costs much.
        const int MaxStretches = 24;

        readonly int stretch = FlashTiles<T, TTile>.RoundUp((kernel.shape.Tokens + MaxStretches - 1) / MaxStretches, FlashGradient<T, TTile>.Block);
        int sequence, head, step;

        public void Run(WorkerPool pool)
        {
            int stretches = (kernel.shape.Tokens + stretch - 1) / stretch;
            for (sequence = 0; sequence < kernel.shape.Sequences; sequence++)
            {
                for (head = 0; head < kernel.shape.Heads; head++)
                {
                    step = Load;
                    pool.Run(this, stretches);
                    if (Selects(kernel.shape.PatternOf(head), kernel.shape.ScoreThreshold))
                    {
                        step = Select;
                        pool.Run(this, stretches);
                    }
                    for (step = 0; step < stretches; step++) pool.Run(this, stretches - step);
                    step = Deliver;
                    pool.Run(this, stretches);
                }
            }
        }

        public void RunTask(int task, int worker)
        {
            AttentionShape shape = kernel.shape;
            var flash = new FlashGradient<T, TTile>(kernel.pool.SharedScratch, kernel.pool.Scratch(worker), shape.HeadDim, shape.Tokens,
                shape.Scale, kernel.keyBlock);
            HeadOperands operands = kernel.Operands(sequence, head);
            int from = task * stretch, to = Math.Min(from + stretch, shape.Tokens), queryFrom = from + step * stretch;
            AttentionPattern pattern = shape.PatternOf(head);
            float threshold = shape.ScoreThreshold;
            switch (step)
            {
                case Load:
                    shape.FillRanges(sequence, pattern, from, to, flash.First + from, flash.End + from);
                    if (head % shape.Group == 0) flash.LoadKeys(operands, from, to);
                    if (head % shape.Group == 0 && !float.IsNegativeInfinity(threshold)) flash.LoadKeysToSelect(operands, from, to);
                    flash.LoadQueries(operands, from, to);
                    break;
                case Select:
                    flash.Select(operands, pattern, threshold, from, to);
                    break;
                case Deliver:
                    flash.DeliverQueries(operands, from, to);
                    break;
                default:
                    flash.Run(operands, from, to, queryFrom, Math.Min(queryFrom + stretch, shape.Tokens),
                        accumulate: step > 0 || head % shape.Group > 0, Selects(pattern, threshold) ? flash.Selection(pattern) : default);
                    break;
            }
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
