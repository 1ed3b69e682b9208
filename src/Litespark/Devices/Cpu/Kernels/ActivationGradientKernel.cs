using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;
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
            float* gradient = dy.Row(r) + tile.Column, input = x.Row(r) + tile.Column;
            Row<T, TActivation>(gradient, input, dx.Row(r) + tile.Column, tile.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Row<T, TActivation>(float* gradient, float* input, float* output, nint count) where T : struct, ISimd<T> where TActivation : struct, IActivation
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        nint c = 0;
        for (; c <= count - T.Count; c += T.Count)
        {
            Prefetch.Register<T>(gradient + Prefetch.Ahead + c);
            Prefetch.Register<T>(input + Prefetch.Ahead + c);
            TActivation.Value(exp2, T.Load(input + c), out T slope);
            T.Store(slope * T.Load(gradient + c), output + c);
        }

        int rest = (int)(count - c);
        if (rest == 0) return;
        TActivation.Value(exp2, Lanes.Load<T>(input + c, rest), out T lastSlope);
        Lanes.Store(lastSlope * Lanes.Load<T>(gradient + c, rest), output + c, rest);
    }
}
