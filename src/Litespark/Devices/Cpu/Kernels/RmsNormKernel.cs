// N tokens, D columns, G columns of one group
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

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            for (int group = 0; group < groups; group++)
            {
                int column = group * groupSize;
                float* input_G = x.Row(n) + column;
                T squares = T.Zero;
                if (residual.Data != null)
                {
                    float* residual_G = residual.Row(n) + column, sum_G = sum.Row(n) + column;
                    for (int c = 0; c < groupSize; c += T.Count)
                    {
                        int rest = groupSize - c;
                        T value = Lanes.Load<T>(input_G + c, rest) + Lanes.Load<T>(residual_G + c, rest);
                        Lanes.Store(value, sum_G + c, rest);
                        squares = T.MultiplyAdd(value, value, squares);
                    }

                    input_G = sum_G;
                }
                else
                {
                    for (int c = 0; c < groupSize; c += T.Count)
                    {
                        T value = Lanes.Load<T>(input_G + c, groupSize - c);
                        squares = T.MultiplyAdd(value, value, squares);
                    }
                }

                float inverse = 1 / MathF.Sqrt(T.Sum(squares) / groupSize + epsilon);
                if (inverseRms != null) inverseRms[(nint)n * groups + group] = inverse;

                float* y_G = y.Row(n) + column;
                T scale = T.Broadcast(inverse);
                for (int c = 0; c < groupSize; c += T.Count)
                {
                    int rest = groupSize - c;
                    Lanes.Store(Lanes.Load<T>(input_G + c, rest) * scale * Lanes.Load<T>(weight + c, rest), y_G + c, rest);
                }
            }
        }
    }
}
