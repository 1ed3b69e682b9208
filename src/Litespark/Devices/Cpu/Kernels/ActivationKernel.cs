using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>y = f(x); in place allowed.</summary>
internal sealed unsafe class ActivationKernel(WorkerPool pool, ActivationKind kind, Matrix x, Matrix y)
    : ActivationKernelBase(pool, kind, x.Rows, x.Columns, StreamingStores.Pay(y, x))
{
    protected override void Apply<T, TActivation, TResult>(Tile tile)
    {
        for (int r = tile.FirstRow; r < tile.EndRow; r++)
            Row<T, TActivation, TResult>(x.Row(r) + tile.Column, y.Row(r) + tile.Column, tile.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void Row<T, TActivation, TResult>(float* input, float* output, nint count) where T : struct, ISimd<T> where TActivation : struct, IActivation where TResult : struct, IResult
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        nint c = 0;
        for (; c <= count - T.Count; c += T.Count)
        {
            Prefetch.Register<T>(input + Prefetch.Ahead + c);
            TResult.Store(TActivation.Value(exp2, T.Load(input + c)), output + c);
        }

        int rest = (int)(count - c);
        if (rest > 0) Lanes.Store(TActivation.Value(exp2, Lanes.Load<T>(input + c, rest)), output + c, rest);
    }
}
