using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Softmax of materialised attention scores: probabilities = softmax(scale · scores) over the keys that a query sees,
/// exactly 0 elsewhere. Both [B, H, T, T], contiguous; in place allowed. Masked scores are not read.
/// </summary>
internal sealed unsafe class MaskedSoftmaxKernel<T> : CpuKernel, IParallelWork where T : struct, ISimd<T>
{
    const int RowsPerTask = 32;

    readonly AttentionShape shape;
    readonly float* scores, probabilities;
    readonly long rows;

    /// <summary>Binds the operands; <see cref="AttentionShape.Scale"/> is applied here (1 where the product already has it).</summary>
    public MaskedSoftmaxKernel(AttentionShape shape, float* scores, float* probabilities)
    {
        this.shape = shape;
        this.scores = scores;
        this.probabilities = probabilities;
        rows = (long)shape.Rows * shape.Heads;
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool) => pool.Run(this, (int)((rows + RowsPerTask - 1) / RowsPerTask));

    void IParallelWork.RunTask(int task, int worker)
    {
        long start = (long)task * RowsPerTask, end = Math.Min(rows, start + RowsPerTask);
        for (long row = start; row < end; row++)
        {
            int token = (int)(row % shape.Tokens), sequence = (int)(row / shape.Tokens / shape.Heads);
            int first = shape.FirstKey(sequence, token), live = token + 1 - first;
            float* s = scores + row * shape.Tokens + first, p = probabilities + row * shape.Tokens;
            float max = shape.Scale * RowMath<T>.Max(s, live);
            float sum = RowMath<T>.ExpSum(s, shape.Scale, max, p + first, live);
            RowMath<T>.Scale(p + first, 1 / sum, p + first, live);
            new Span<float>(p, first).Clear();
            new Span<float>(p + token + 1, shape.Tokens - token - 1).Clear();
        }
    }
}
