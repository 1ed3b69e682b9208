// N tokens, D columns
using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Layer norm (Ba et al., 2016) with the residual addition before it: sum = x + residual,
/// y = weight ∘ (sum − mean) / √(variance + ε) + bias, the variance being the mean square deviation of the row.
/// Without a residual (Data null) sum is x and is not written. <c>mean</c> and <c>inverseStd</c> [N] are kept for the gradient
/// unless null; a null bias is zero. sum and y may be x or the residual.
/// </summary>
internal sealed unsafe class LayerNormKernel(
    WorkerPool pool, Matrix x, Matrix residual, float* weight, float* bias, Matrix sum, Matrix y, float* mean, float* inverseStd,
    float epsilon)
    : ResultKernel(pool, Tiling.Rows(x.Rows, x.Columns).Count, StreamingStores.Pay(y, x, residual, sum))
{
    readonly Tiling tiles = Tiling.Rows(x.Rows, x.Columns);
    readonly int batch = NormBatch.Rows(x.Columns);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    protected override void Run<T, TResult>(int task)
    {
        Tile tile = tiles[task];
        int columns = tile.Count;
        Matrix normalised = residual.Data == null ? x : sum;
        float* averages = stackalloc float[NormBatch.Most], inverses = stackalloc float[NormBatch.Most];
        for (int first = tile.FirstRow; first < tile.EndRow; first += batch)
        {
            int count = Math.Min(batch, tile.EndRow - first);
            for (int i = 0; i < count; i++)
            {
                float* soon = TResult.Streams ? null : y.Row(first + i);
                float total = residual.Data == null
                    ? RowSums.Sum<T, PlainTerm>(x.Row(first + i), soon, columns)
                    : RowSums.AddAndSum<T, PlainTerm>(x.Row(first + i), residual.Row(first + i), sum.Row(first + i), soon, columns);
                averages[i] = total / columns;
            }

            for (int i = 0; i < count; i++)
            {
                // Deviations in a second pass over the cached row: the mean of squares minus the squared mean would cancel.
                inverses[i] = 1 / MathF.Sqrt(RowSums.SquaredDeviations<T>(normalised.Row(first + i), averages[i], columns) / columns + epsilon);
                if (mean != null) mean[first + i] = averages[i];
                if (inverseStd != null) inverseStd[first + i] = inverses[i];
            }

            for (int i = 0; i < count; i++)
            {
                int next = first + i + batch;
                Normalise<T, TResult>(normalised.Row(first + i), averages[i], inverses[i], weight, bias, y.Row(first + i), x.Row(next), residual.Data == null ? null : residual.Row(next), columns);
            }
        }
    }

    /// <summary>y = (x − average) · inverse ∘ weight + bias; on the way asks for the rows that are read next.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Normalise<T, TResult>(float* x, float average, float inverse, float* weight, float* bias, float* y, float* next, float* nextResidual, nint count)
        where T : struct, ISimd<T>
        where TResult : struct, IResult
    {
        T center = T.Broadcast(average), scale = T.Broadcast(inverse);
        nint c = 0;
        for (; c <= count - T.Count; c += T.Count)
        {
            Prefetch.Register<T>(next + c);
            if (nextResidual != null) Prefetch.Register<T>(nextResidual + c);
            T normalised = (T.Load(x + c) - center) * scale, shift = bias == null ? T.Zero : T.Load(bias + c);
            TResult.Store(T.MultiplyAdd(normalised, T.Load(weight + c), shift), y + c);
        }

        int rest = (int)(count - c);
        if (rest == 0) return;
        T last = (Lanes.Load<T>(x + c, rest) - center) * scale, lastShift = bias == null ? T.Zero : Lanes.Load<T>(bias + c, rest);
        Lanes.Store(T.MultiplyAdd(last, Lanes.Load<T>(weight + c, rest), lastShift), y + c, rest);
    }
}
