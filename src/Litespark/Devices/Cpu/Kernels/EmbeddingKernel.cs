// N tokens, V vocabulary, D width
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y[n] = table[indices[n]]; with accumulate, y[n] += that (learned positions). Every index is in [0, V).</summary>
internal sealed unsafe class EmbeddingKernel(WorkerPool pool, int* indices, Matrix table_VD, Matrix y_ND, bool accumulate)
    : ResultKernel(pool, Tiling.Rows(y_ND.Rows, y_ND.Columns).Count, !accumulate && StreamingStores.Pay(y_ND))
{
    readonly Tiling tiles = Tiling.Rows(y_ND.Rows, y_ND.Columns);

    protected override void Run<T, TResult>(int task)
    {
        Tile tile = tiles[task];
        for (int n = tile.FirstRow; n < tile.EndRow; n++)
        {
            float* source_D = table_VD.Row(indices[n]);
            if (accumulate) Elementwise.Add<T>(y_ND.Row(n), source_D, y_ND.Row(n), tile.Count);
            else Elementwise.CopyRow<T, TResult>(source_D, y_ND.Row(n), n + 1 < tile.EndRow ? table_VD.Row(indices[n + 1]) : source_D, tile.Count);
        }
    }
}
