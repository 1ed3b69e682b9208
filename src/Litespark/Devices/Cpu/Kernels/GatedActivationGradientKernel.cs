using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Gradient of h = f(gate) ∘ up: dGate = dh ∘ up ∘ f′(gate), dUp = dh ∘ f(gate). The outputs may be any of the inputs.</summary>
internal sealed unsafe class GatedActivationGradientKernel(
    WorkerPool pool, ActivationKind kind, Matrix dh, Matrix gate, Matrix up, Matrix dGate, Matrix dUp)
    : ActivationKernelBase(pool, kind, gate.Rows, gate.Columns)
{
    protected override void Apply<T, TActivation>(Tile tile)
    {
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
        {
            float* gradient = dh.Row(r) + tile.Column, gates = gate.Row(r) + tile.Column, ups = up.Row(r) + tile.Column;
            float* dGates = dGate.Row(r) + tile.Column, dUps = dUp.Row(r) + tile.Column;
            for (int c = 0; c < tile.Count; c += T.Count)
            {
                int rest = tile.Count - c;
                T dy = Lanes.Load<T>(gradient + c, rest), raised = Lanes.Load<T>(ups + c, rest);
                T value = TActivation.Value(Lanes.Load<T>(gates + c, rest), out T slope);
                Lanes.Store(dy * raised * slope, dGates + c, rest);
                Lanes.Store(dy * value, dUps + c, rest);
            }
        }
    }
}
