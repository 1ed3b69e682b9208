using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Element-wise kernels whose loop is specialised for one of the activations.</summary>
internal abstract class ActivationKernelBase(WorkerPool pool, ActivationKind kind, int rows, int columns, bool streams)
    : SimdKernel(pool, Tiling.Elements(rows, columns).Count, streams)
{
    readonly Tiling tiles = Tiling.Elements(rows, columns);

    protected sealed override void RunTask<T>(int task, int worker)
    {
        switch (kind)
        {
            case ActivationKind.Silu: Choose<T, Silu>(tiles[task]); break;
            case ActivationKind.Gelu: Choose<T, Gelu>(tiles[task]); break;
            case ActivationKind.GeluTanh: Choose<T, GeluTanh>(tiles[task]); break;
            case ActivationKind.Relu: Choose<T, Relu>(tiles[task]); break;
            default: throw new NotSupportedException($"Activation {kind} has no CPU kernel.");
        }
    }

    void Choose<T, TActivation>(Tile tile) where T : struct, ISimd<T> where TActivation : struct, IActivation
    {
        if (Streams) Apply<T, TActivation, StreamedResult>(tile);
        else Apply<T, TActivation, CachedResult>(tile);
    }

    /// <summary>The tile's elements.</summary>
    protected abstract void Apply<T, TActivation, TResult>(Tile tile) where T : struct, ISimd<T> where TActivation : struct, IActivation where TResult : struct, IResult;
}
