using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>h = f(gate) ∘ up (Shazeer, 2020; SwiGLU with SiLU); h may be gate or up.</summary>
internal sealed unsafe class GatedActivationKernel(WorkerPool pool, ActivationKind kind, Matrix gate, Matrix up, Matrix h)
    : ActivationKernelBase(pool, kind, gate.Rows, gate.Columns)
{
    protected override void Apply<T, TActivation>(Tile tile)
    {
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
        {
            float* gates = gate.Row(r) + tile.Column, ups = up.Row(r) + tile.Column, output = h.Row(r) + tile.Column;
            for (int c = 0; c < tile.Count; c += T.Count)
            {
                int rest = tile.Count - c;
                Lanes.Store(TActivation.Value(Lanes.Load<T>(gates + c, rest)) * Lanes.Load<T>(ups + c, rest), output + c, rest);
            }
        }
    }
}
