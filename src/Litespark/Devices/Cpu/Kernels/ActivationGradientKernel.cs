using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>dx = dy ∘ f′(x); dx may be dy or x.</summary>
internal sealed unsafe class ActivationGradientKernel(WorkerPool pool, ActivationKind kind, Matrix dy, Matrix x, Matrix dx)
    : ActivationKernelBase(pool, kind, x.Rows, x.Columns, StreamingStores.Pay(dx, dy, x))
{
    protected override void Apply<T, TActivation, TResult>(Tile tile)
    {
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
        {
            float* gradient = dy.Row(r) + tile.Column, input = x.Row(r) + tile.Column;
            Row<T, TActivation, TResult>(gradient, input, dx.Row(r) + tile.Column, tile.Count);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Row<T, TActivation, TResult>(float* gradient, float* input, float* output, nint count) where T : struct, ISimd<T> where TActivation : struct, IActivation where TResult : struct, IResult
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        nint c = 0;
        for (; c <= count - T.Count; c += T.Count)
        {
            Prefetch.Register<T>(gradient + Prefetch.Ahead + c);
            Prefetch.Register<T>(input + Prefetch.Ahead + c);
            TActivation.Value(exp2, T.Load(input + c), out T slope);
            TResult.Store(slope * T.Load(gradient + c), output + c);
        }

        int rest = (int)(count - c);
        if (rest == 0) return;
        TActivation.Value(exp2, Lanes.Load<T>(input + c, rest), out T lastSlope);
        Lanes.Store(lastSlope * Lanes.Load<T>(gradient + c, rest), output + c, rest);
    }
}
