// N tokens, K columns of one head, R rotated columns of a head
namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Rotary position embedding (Su et al., 2021) in the half-split convention of Hugging Face's Llama: in each head, columns i and
/// i + R/2 are turned by the angle whose cosine and sine are row positions[n], column i of the tables [positions, R/2];
/// columns from R on are copied. inverse turns back, which is the gradient. In place allowed; x may hold the heads of Q and of K
/// side by side.
/// </summary>
internal sealed unsafe class RopeKernel(
    WorkerPool pool, Matrix x, int* positions, float* cos, float* sin, Matrix y, int headDim, int rotaryDim, bool inverse)
    : SimdKernel(pool, Tiling.Rows(x.Rows, x.Columns).Count)
{
    readonly Tiling tiles = Tiling.Rows(x.Rows, x.Columns);
    readonly int half = rotaryDim / 2;

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        T direction = T.Broadcast(inverse ? -1f : 1f);
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            float* cos_R = cos + (nint)positions[n] * half, sin_R = sin + (nint)positions[n] * half;
            for (int column = 0; column < tile.Count; column += headDim)
            {
                float* x_K = x.Row(n) + column, y_K = y.Row(n) + column;
                for (int i = 0; i < half; i += T.Count)
                {
                    int rest = half - i;
                    T first = Lanes.Load<T>(x_K + i, rest), second = Lanes.Load<T>(x_K + half + i, rest);
                    T c = Lanes.Load<T>(cos_R + i, rest), s = direction * Lanes.Load<T>(sin_R + i, rest);
                    Lanes.Store(first * c - second * s, y_K + i, rest);
                    Lanes.Store(T.MultiplyAdd(second, c, first * s), y_K + half + i, rest);
                }

                if (x_K != y_K) Elementwise.Copy(x_K + rotaryDim, y_K + rotaryDim, headDim - rotaryDim);
            }
        }
    }
}
