using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Hides the keys that a query does not see from a softmax: their scores become <see cref="Hidden"/>, the others stay. Both
/// [B, H, T, T], contiguous; in place allowed, and then only the hidden scores are written.
/// </summary>
internal sealed unsafe class CausalMaskKernel(WorkerPool pool, AttentionShape shape, float* scores, float* masked)
    : SimdKernel(pool, (checked(shape.Rows * shape.Heads) + RowsPerTask - 1) / RowsPerTask)
{
    /// <summary>Finite, so that differences of hidden scores are numbers; its exponential beside any real score is exactly 0.</summary>
    public const float Hidden = RowMath<Simd.Simd128>.MinusInfinity;

    const int RowsPerTask = 32;

    protected override void RunTask<T>(int task, int worker)
    {
        int start = task * RowsPerTask, end = Math.Min(shape.Rows * shape.Heads, start + RowsPerTask);
        for (int row = start; row < end; row++)
        {
            int token = row % shape.Tokens;
            AttentionPattern pattern = shape.PatternOf(row / shape.Tokens % shape.Heads);
            int first = pattern.FirstVisible(token, shape.FirstKey(row / shape.Tokens / shape.Heads, token));
            float* x = scores + (nint)row * shape.Tokens, y = masked + (nint)row * shape.Tokens;
            new Span<float>(y, first).Fill(Hidden);
            if (x != y) new ReadOnlySpan<float>(x + first, token + 1 - first).CopyTo(new Span<float>(y + first, token + 1 - first));
            if (pattern.Step > 0) PatternMask.Hide(y, shape.Tokens, pattern, token, 1, first, token + 1, Hidden);
            new Span<float>(y + token + 1, shape.Tokens - token - 1).Fill(Hidden);
        }
    }
}
