// N tokens, V vocabulary
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Gradient of scale[0] · Σ tokenLoss of <see cref="CrossEntropyKernel"/>:
/// dLogits[n] = (softmax(logits[n]) − onehot(targets[n])) · scale[0]; rows whose target is −1 are 0. dLogits may be the logits.
/// </summary>
internal sealed unsafe class CrossEntropyGradientKernel(
    WorkerPool pool, Matrix logits_NV, int* targets, float* logSumExp, float* scale, Matrix dLogits_NV)
    : SimdKernel(pool, Tiling.Rows(logits_NV.Rows, logits_NV.Columns).Count)
{
    readonly Tiling tiles = Tiling.Rows(logits_NV.Rows, logits_NV.Columns);

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        int columns = tile.Count;
        T factor = T.Broadcast(*scale);
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            float* logits_V = logits_NV.Row(n), dLogits_V = dLogits_NV.Row(n);
            if (targets[n] < 0)
            {
                new Span<float>(dLogits_V, columns).Clear();
                continue;
            }

            T shift = T.Broadcast(logSumExp[n]);
            for (int c = 0; c < columns; c += T.Count)
                Lanes.Store(factor * VectorMath.Exp(Lanes.Load<T>(logits_V + c, columns - c) - shift), dLogits_V + c, columns - c);
            dLogits_V[targets[n]] -= *scale;
        }
    }
}
