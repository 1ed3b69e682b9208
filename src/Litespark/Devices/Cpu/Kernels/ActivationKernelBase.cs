using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Element-wise kernels whose loop is specialised for one of the activations.</summary>
internal abstract class ActivationKernelBase(WorkerPool pool, ActivationKind kind, int rows, int columns)
    : SimdKernel(pool, Tiling.Elements(rows, columns).Count)
{
    readonly Tiling tiles = Tiling.Elements(rows, columns);

    protected sealed override void RunTask<T>(int task, int worker)
    {
        switch (kind)
        {
            case ActivationKind.Silu: Apply<T, Silu>(tiles[task]); break;
            case ActivationKind.Gelu: Apply<T, Gelu>(tiles[task]); break;
            case ActivationKind.GeluTanh: Apply<T, GeluTanh>(tiles[task]); break;
            case ActivationKind.Relu: Apply<T, Relu>(tiles[task]); break;
            default: throw new NotSupportedException($"Activation {kind} has no CPU kernel.");
        }
    }

    /// <summary>The tile's elements.</summary>
    protected abstract void Apply<T, TActivation>(Tile tile) where T : struct, ISimd<T> where TActivation : struct, IActivation;
}
