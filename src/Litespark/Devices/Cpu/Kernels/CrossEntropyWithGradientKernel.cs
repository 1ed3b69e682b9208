// N tokens, V vocabulary
namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// <see cref="CrossEntropyKernel"/> and <see cref="CrossEntropyGradientKernel"/> in one: a row of logits comes from memory once,
/// one exponential per element, while the row is in the cache. dLogits may be (and usually is) the logits.
/// </summary>
internal sealed unsafe class CrossEntropyWithGradientKernel(
    WorkerPool pool, Matrix logits_NV, int* targets, float* scale, float* tokenLoss, Matrix dLogits_NV)
    : SimdKernel(pool, Tiling.Rows(logits_NV.Rows, logits_NV.Columns, SoftmaxRow.TaskRows).Count)
{
    readonly Tiling tiles = Tiling.Rows(logits_NV.Rows, logits_NV.Columns, SoftmaxRow.TaskRows);

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        int columns = tile.Count;
        float* shifts = stackalloc float[SoftmaxRow.ChunkCount(columns)];
        float largest = SoftmaxRow.FirstLargest<T>(logits_NV.Row(tile.FirstRow), columns);
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            float* logits_V = logits_NV.Row(n), dLogits_V = dLogits_NV.Row(n), next_V = n + 1 < tile.EndRow ? logits_NV.Row(n + 1) : null;
            if (targets[n] < 0)
            {
                tokenLoss[n] = 0;
                new Span<float>(dLogits_V, columns).Clear();
                if (next_V != null) largest = SoftmaxRow.FirstLargest<T>(next_V, columns);
                continue;
            }

            float target = logits_V[targets[n]];
            SoftmaxStatistics statistics = SoftmaxRow.StoreExponentials<T>(logits_V, columns, dLogits_V, shifts, next_V, ref largest);
            tokenLoss[n] = statistics.Loss(target);
            SoftmaxRow.ScaleExponentials<T>(dLogits_V, columns, shifts, statistics, *scale);
            dLogits_V[targets[n]] -= *scale;
        }
    }
}
