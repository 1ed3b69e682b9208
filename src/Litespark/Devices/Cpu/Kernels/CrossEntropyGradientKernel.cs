// N tokens, V vocabulary
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
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            float* logits_V = logits_NV.Row(n), dLogits_V = dLogits_NV.Row(n);
            if (targets[n] < 0)
            {
                new Span<float>(dLogits_V, columns).Clear();
                continue;
            }

            SoftmaxRow.Exponentials<T>(logits_V, logSumExp[n], *scale, dLogits_V, columns);
            dLogits_V[targets[n]] -= *scale;
        }
    }
}
