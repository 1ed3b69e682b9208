using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Gradient of h = f(gate) ∘ up: dGate = dh ∘ up ∘ f′(gate), dUp = dh ∘ f(gate). The outputs may be any of the inputs.</summary>
internal sealed unsafe class GatedActivationGradientKernel(
    WorkerPool pool, ActivationKind kind, Matrix dh, Matrix gate, Matrix up, Matrix dGate, Matrix dUp)
    : ActivationKernelBase(pool, kind, gate.Rows, gate.Columns, StreamingStores.Pay(dGate, dh, gate, up) && StreamingStores.Pay(dUp, dh, gate, up))
{
    protected override void Apply<T, TActivation, TResult>(Tile tile)
    {
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
        {
            float* gradient = dh.Row(r) + tile.Column, gates = gate.Row(r) + tile.Column, ups = up.Row(r) + tile.Column;
            Row<T, TActivation, TResult>(gradient, gates, ups, dh.Stride, gate.Stride, dGate.Row(r) + tile.Column, dUp.Row(r) + tile.Column, tile.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Row<T, TActivation, TResult>(float* gradient, float* gates, float* ups, nint gradientStride, nint stride, float* dGates, float* dUps, nint count) where T : struct, ISimd<T> where TActivation : struct, IActivation where TResult : struct, IResult
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        nint c = 0;
        for (; c <= count - T.Count; c += T.Count)
        {
            Prefetch.Register<T>(gradient + gradientStride + c);
            Prefetch.Register<T>(gates + stride + c);
            Prefetch.Register<T>(ups + stride + c);
            T dy = T.Load(gradient + c), raised = T.Load(ups + c), value = TActivation.Value(exp2, T.Load(gates + c), out T slope);
            TResult.Store(dy * raised * slope, dGates + c);
            TResult.Store(dy * value, dUps + c);
        }

        int rest = (int)(count - c);
        if (rest == 0) return;
        T lastDy = Lanes.Load<T>(gradient + c, rest), lastRaised = Lanes.Load<T>(ups + c, rest), lastValue = TActivation.Value(exp2, Lanes.Load<T>(gates + c, rest), out T lastSlope);
        Lanes.Store(lastDy * lastRaised * lastSlope, dGates + c, rest);
        Lanes.Store(lastDy * lastValue, dUps + c, rest);
    }
}
