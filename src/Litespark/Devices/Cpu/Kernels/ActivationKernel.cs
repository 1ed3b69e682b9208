using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y = f(x); in place allowed.</summary>
internal sealed unsafe class ActivationKernel(WorkerPool pool, ActivationKind kind, Matrix x, Matrix y)
    : ActivationKernelBase(pool, kind, x.Rows, x.Columns)
{
    protected override void Apply<T, TActivation>(Tile tile)
    {
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
        {
            float* input = x.Row(r) + tile.Column, output = y.Row(r) + tile.Column;
            for (int c = 0; c < tile.Count; c += T.Count)
                Lanes.Store(TActivation.Value(Lanes.Load<T>(input + c, tile.Count - c)), output + c, tile.Count - c);
        }
    }
}
