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
    : ResultKernel(pool, Tiling.Rows(x.Rows, x.Columns).Count, StreamingStores.AreWholeLines(groupSize) && StreamingStores.Pay(y, x, residual, sum))
{
    readonly Tiling tiles = Tiling.Rows(x.Rows, x.Columns);
    readonly int groups = x.Columns / groupSize;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Run<T, TResult>(int task)
    {
        Tile tile = tiles[task];
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            for (int group = 0; group < groups; group++)
            {
                int column = group * groupSize;
                float* input_G = x.Row(n) + column;
                float* soon = TResult.Streams ? null : y.Row(n) + column;
                float squares;
                if (residual.Data != null)
                {
                    float* sum_G = sum.Row(n) + column;
                    squares = RowSums.AddAndSum<T, SquareTerm>(input_G, residual.Row(n) + column, sum_G, soon, groupSize);
                    input_G = sum_G;
                }
                else
                {
                    squares = RowSums.Sum<T, SquareTerm>(input_G, soon, groupSize);
                }

                float inverse = 1 / MathF.Sqrt(squares / groupSize + epsilon);
                if (inverseRms != null) inverseRms[(nint)n * groups + group] = inverse;
                Scale<T, TResult>(input_G, inverse, weight, y.Row(n) + column, x.Row(n + 1) + column, residual.Data == null ? null : residual.Row(n + 1) + column, groupSize);
            }
        }
    }

    /// <summary>y = factor · x ∘ weight; on the way asks for the rows that are read next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Scale<T, TResult>(float* x, float factor, float* weight, float* y, float* next, float* nextResidual, nint count) where T : struct, ISimd<T> where TResult : struct, IResult
    {
        T scale = T.Broadcast(factor);
        nint c = 0;
        for (; c <= count - T.Count; c += T.Count)
        {
            Prefetch.Register<T>(next + c);
            if (nextResidual != null) Prefetch.Register<T>(nextResidual + c);
            TResult.Store(T.Load(x + c) * scale * T.Load(weight + c), y + c);
        }

        int rest = (int)(count - c);
        if (rest > 0) Lanes.Store(Lanes.Load<T>(x + c, rest) * scale * Lanes.Load<T>(weight + c, rest), y + c, rest);
    }
}
