using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>h = f(gate) ∘ up (Shazeer, 2020; SwiGLU with SiLU); h may be gate or up.</summary>
internal sealed unsafe class GatedActivationKernel(WorkerPool pool, ActivationKind kind, Matrix gate, Matrix up, Matrix h)
    : ActivationKernelBase(pool, kind, gate.Rows, gate.Columns, StreamingStores.Pay(h, gate, up))
{
    protected override void Apply<T, TActivation, TResult>(Tile tile)
    {
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
        {
            float* gates = gate.Row(r) + tile.Column, ups = up.Row(r) + tile.Column;
            Row<T, TActivation, TResult>(gates, ups, gate.Stride, h.Row(r) + tile.Column, tile.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Row<T, TActivation, TResult>(float* gates, float* ups, nint stride, float* output, nint count) where T : struct, ISimd<T> where TActivation : struct, IActivation where TResult : struct, IResult
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        nint c = 0;
        for (; c <= count - T.Count; c += T.Count)
        {
            Prefetch.Register<T>(gates + stride + c);
            Prefetch.Register<T>(ups + stride + c);
            TResult.Store(TActivation.Value(exp2, T.Load(gates + c)) * T.Load(ups + c), output + c);
        }

        int rest = (int)(count - c);
        if (rest == 0) return;
        Lanes.Store(TActivation.Value(exp2, Lanes.Load<T>(gates + c, rest)) * Lanes.Load<T>(ups + c, rest), output + c, rest);
    }
}
