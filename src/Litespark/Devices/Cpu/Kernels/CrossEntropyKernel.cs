// N tokens, V vocabulary
namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Cross-entropy of each token in nats: tokenLoss[n] = ln Σ e^logits[n, ·] − logits[n, targets[n]], 0 where the target is −1;
/// logSumExp [N] is the first term, kept for the gradient.
/// </summary>
internal sealed unsafe class CrossEntropyKernel(WorkerPool pool, Matrix logits_NV, int* targets, float* tokenLoss, float* logSumExp)
    : SimdKernel(pool, Tiling.Rows(logits_NV.Rows, logits_NV.Columns).Count)
{
    readonly Tiling tiles = Tiling.Rows(logits_NV.Rows, logits_NV.Columns);

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            float* logits_V = logits_NV.Row(n);
            SoftmaxStatistics statistics = SoftmaxRow.Measure<T>(logits_V, tile.Count);
            logSumExp[n] = statistics.LogSumExp;
            tokenLoss[n] = targets[n] < 0 ? 0 : statistics.Loss(logits_V[targets[n]]);
        }
    }
}
