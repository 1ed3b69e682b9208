// N tokens, V vocabulary
namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// <see cref="CrossEntropyKernel"/> and <see cref="CrossEntropyGradientKernel"/> in one: a row of logits comes from memory once,
/// one exponential per element, while the row is in the cache. dLogits may be (and usually is) the logits.
/// </summary>
internal sealed unsafe class CrossEntropyWithGradientKernel(
    WorkerPool pool, Matrix logits_NV, int* targets, float* scale, float* tokenLoss, Matrix dLogits_NV)
    : SimdKernel(pool, Tiling.Rows(logits_NV.Rows, logits_NV.Columns).Count)
{
    readonly Tiling tiles = Tiling.Rows(logits_NV.Rows, logits_NV.Columns);

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        int columns = tile.Count;
        float* maxima = stackalloc float[SoftmaxRow.ChunkCount(columns)];
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            float* logits_V = logits_NV.Row(n), dLogits_V = dLogits_NV.Row(n);
            if (targets[n] < 0)
            {
                tokenLoss[n] = 0;
                new Span<float>(dLogits_V, columns).Clear();
                continue;
            }

            float target = logits_V[targets[n]];
            SoftmaxStatistics statistics = SoftmaxRow.StoreExponentials<T>(logits_V, columns, dLogits_V, maxima);
            tokenLoss[n] = statistics.Loss(target);
            SoftmaxRow.ScaleExponentials<T>(dLogits_V, columns, maxima, statistics, *scale);
            dLogits_V[targets[n]] -= *scale;
        }
    }
}
