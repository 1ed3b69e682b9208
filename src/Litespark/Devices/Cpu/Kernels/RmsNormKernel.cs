// N tokens, D columns, G columns of one group
using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Root-mean-square norm (Zhang and Sennrich, 2019) with the residual addition before it:
/// sum = x + residual, y = weight ∘ sum / √(mean(sum²) + ε), over each group of <c>groupSize</c> columns on its own
/// (the whole row; or a head, for QK-norm) with one weight of that length. Without a residual (Data null) sum is x and is not written.
/// <c>inverseRms</c> [N, D / G] is kept for the gradient unless null. sum and y may be x or the residual.
/// </summary>
internal sealed unsafe class RmsNormKernel(
    WorkerPool pool, Matrix x, Matrix residual, float* weight, Matrix sum, Matrix y, float* inverseRms, float epsilon, int groupSize)
    : SimdKernel(pool, Tiling.Rows(x.Rows, x.Columns).Count)
{
    readonly Tiling tiles = Tiling.Rows(x.Rows, x.Columns);
    readonly int groups = x.Columns / groupSize;

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        int blockRows = NormBlock.RowsFor(groupSize);
        float* factors = stackalloc float[NormBlock.MostRows];
        for (int first = tile.FirstRow; first < tile.EndRow; first += blockRows)
        {
            int rows = Math.Min(blockRows, tile.EndRow - first);
            for (int group = 0; group < groups; group++)
            {
                int column = group * groupSize;
                for (int r = 0; r < rows; r++) factors[r] = Factor<T>(first + r, group, column);
                for (int r = 0; r < rows; r++)
                {
                    int n = first + r;
                    float* input_G = (residual.Data != null ? sum.Row(n) : x.Row(n)) + column;
                    Scale<T>(input_G, factors[r], weight, y.Row(n) + column, x.Row(n + blockRows) + column, groupSize);
                }
            }
        }
    }

    /// <summary>The inverse root of the mean square of a group, which is kept too; the sum is written where there is a residual.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    float Factor<T>(int n, int group, int column) where T : struct, ISimd<T>
    {
        float squares = residual.Data != null
            ? RowSums.AddAndSum<T, SquareTerm>(x.Row(n) + column, residual.Row(n) + column, sum.Row(n) + column, groupSize)
            : RowSums.Sum<T, SquareTerm>(x.Row(n) + column, groupSize);
        float inverse = 1 / MathF.Sqrt(squares / groupSize + epsilon);
        if (inverseRms != null) inverseRms[(nint)n * groups + group] = inverse;
        return inverse;
    }

    /// <summary>y = factor · x ∘ weight; on the way asks for the row at <paramref name="next"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Scale<T>(float* x, float factor, float* weight, float* y, float* next, nint count) where T : struct, ISimd<T>
    {
        T scale = T.Broadcast(factor);
        nint c = 0;
        for (; c <= count - T.Count; c += T.Count)
        {
            Prefetch.Register<T>(next + c);
            T.Store(T.Load(x + c) * scale * T.Load(weight + c), y + c);
        }

        int rest = (int)(count - c);
        if (rest > 0) Lanes.Store(Lanes.Load<T>(x + c, rest) * scale * Lanes.Load<T>(weight + c, rest), y + c, rest);
    }
}
