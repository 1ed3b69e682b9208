using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Gradient of <see cref="SoftmaxKernel"/>: dX = Y ∘ (dY − Σ Y ∘ dY), row by row; dX may be dY or Y.</summary>
internal sealed unsafe class SoftmaxGradientKernel(WorkerPool pool, Matrix y, Matrix dY, Matrix dX)
    : SimdKernel(pool, Tiling.Rows(y.Rows, y.Columns).Count)
{
    readonly Tiling tiles = Tiling.Rows(y.Rows, y.Columns);

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
            Row<T>(y.Row(r), dY.Row(r), RowMath<T>.Dot(y.Row(r), dY.Row(r), y.Columns), dX.Row(r), y.Columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Row<T>(float* y, float* dY, float dot, float* dX, int length) where T : struct, ISimd<T>
    {
        T mean = T.Broadcast(dot);
        int i = 0;
        for (; i + T.Count <= length; i += T.Count) T.Store(T.Load(y + i) * (T.Load(dY + i) - mean), dX + i);
        for (; i < length; i++) dX[i] = y[i] * (dY[i] - dot);
    }
}
