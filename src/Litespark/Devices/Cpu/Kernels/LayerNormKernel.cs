// N tokens, D columns
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
    : SimdKernel(pool, Tiling.Rows(x.Rows, x.Columns).Count)
{
    readonly Tiling tiles = Tiling.Rows(x.Rows, x.Columns);

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        int columns = tile.Count;
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            float* input_D = x.Row(n), y_D = y.Row(n);
            if (residual.Data != null)
            {
                Elementwise.Add<T>(input_D, residual.Row(n), sum.Row(n), columns);
                input_D = sum.Row(n);
            }

            T total = T.Zero;
            for (int c = 0; c < columns; c += T.Count) total += Lanes.Load<T>(input_D + c, columns - c);
            float average = T.Sum(total) / columns;

            // Deviations in a second pass over the cached row: the mean of squares minus the squared mean would cancel.
            T center = T.Broadcast(average), squares = T.Zero;
            for (int c = 0; c < columns; c += T.Count)
            {
                T deviation = Lanes.Load<T>(input_D + c, columns - c, average) - center;
                squares = T.MultiplyAdd(deviation, deviation, squares);
            }

            float inverse = 1 / MathF.Sqrt(T.Sum(squares) / columns + epsilon);
            if (mean != null) mean[n] = average;
            if (inverseStd != null) inverseStd[n] = inverse;

            T scale = T.Broadcast(inverse);
            for (int c = 0; c < columns; c += T.Count)
            {
                int rest = columns - c;
                T normalised = (Lanes.Load<T>(input_D + c, rest) - center) * scale;
                T shift = bias == null ? T.Zero : Lanes.Load<T>(bias + c, rest);
                Lanes.Store(T.MultiplyAdd(normalised, Lanes.Load<T>(weight + c, rest), shift), y_D + c, rest);
            }
        }
    }
}
