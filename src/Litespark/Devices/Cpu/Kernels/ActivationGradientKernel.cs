using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>dx = dy ∘ f′(x); dx may be dy or x.</summary>
internal sealed unsafe class ActivationGradientKernel(WorkerPool pool, ActivationKind kind, Matrix dy, Matrix x, Matrix dx)
    : ActivationKernelBase(pool, kind, x.Rows, x.Columns)
{
    protected override void Apply<T, TActivation>(Tile tile)
    {
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
        {
            float* gradient = dy.Row(r) + tile.Column, input = x.Row(r) + tile.Column, output = dx.Row(r) + tile.Column;
            for (int c = 0; c < tile.Count; c += T.Count)
            {
                int rest = tile.Count - c;
                TActivation.Value(Lanes.Load<T>(input + c, rest), out T slope);
                Lanes.Store(slope * Lanes.Load<T>(gradient + c, rest), output + c, rest);
            }
        }
    }
}
