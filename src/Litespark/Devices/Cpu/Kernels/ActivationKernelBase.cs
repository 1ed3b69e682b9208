using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Element-wise kernels whose loop is specialised for one of the activations.</summary>
internal abstract class ActivationKernelBase(WorkerPool pool, ActivationKind kind, int rows, int columns, bool streams)
    : ResultKernel(pool, Tiling.Elements(rows, columns).Count, streams)
{
    readonly Tiling tiles = Tiling.Elements(rows, columns);

    protected sealed override void Run<T, TResult>(int task)
    {
        switch (kind)
        {
            case ActivationKind.Silu: Apply<T, Silu, TResult>(tiles[task]); break;
            case ActivationKind.Gelu: Apply<T, Gelu, TResult>(tiles[task]); break;
            case ActivationKind.GeluTanh: Apply<T, GeluTanh, TResult>(tiles[task]); break;
            case ActivationKind.Relu: Apply<T, Relu, TResult>(tiles[task]); break;
            default: throw new NotSupportedException($"Activation {kind} has no CPU kernel.");
        }
    }

    /// <summary>The tile's elements.</summary>
    protected abstract void Apply<T, TActivation, TResult>(Tile tile) where T : struct, ISimd<T> where TActivation : struct, IActivation where TResult : struct, IResult;
}
