using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Gradient of <see cref="MaskedSoftmaxKernel{T}"/>: dS = scale · P ∘ (dP − Σ P ∘ dP) over the keys that a query sees, exactly 0
/// elsewhere. All [B, H, T, T], contiguous; dS may be dP or P. Masked entries of dP are not read.
/// </summary>
internal sealed unsafe class MaskedSoftmaxGradientKernel<T> : CpuKernel, IParallelWork where T : struct, ISimd<T>
{
    const int RowsPerTask = 32;

    readonly AttentionShape shape;
    readonly float* probabilities, probabilityGradients, scoreGradients;
    readonly long rows;

    /// <summary>Binds the operands.</summary>
    public MaskedSoftmaxGradientKernel(AttentionShape shape, float* probabilities, float* probabilityGradients, float* scoreGradients)
    {
        this.shape = shape;
        this.probabilities = probabilities;
        this.probabilityGradients = probabilityGradients;
        this.scoreGradients = scoreGradients;
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
            int first = shape.FirstKey(sequence, token);
            long offset = row * shape.Tokens;
            float* dS = scoreGradients + offset;
            Row(probabilities + offset + first, probabilityGradients + offset + first, dS + first, token + 1 - first, shape.Scale);
            new Span<float>(dS, first).Clear();
            new Span<float>(dS + token + 1, shape.Tokens - token - 1).Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Row(float* p, float* dP, float* dS, int length, float scale)
    {
        float dot = RowMath<T>.Dot(p, dP, length);
        T mean = T.Broadcast(dot), s = T.Broadcast(scale);
        int i = 0;
        for (; i + T.Count <= length; i += T.Count) T.Store(T.Load(p + i) * s * (T.Load(dP + i) - mean), dS + i);
        for (; i < length; i++) dS[i] = p[i] * scale * (dP[i] - dot);
    }
}
