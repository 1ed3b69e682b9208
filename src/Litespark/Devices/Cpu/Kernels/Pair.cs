using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Two accumulators of a register tile, next to each other in one row: see <see cref="Quad{T}"/>.</summary>
internal unsafe struct Pair<T> where T : struct, ISimd<T>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    T c0, c1;

    /// <summary>Adds a · (b0, b1).</summary>
    [MethodImpl(Inline)]
    public void MultiplyAdd(float a, T b0, T b1)
    {
        T x = T.Broadcast(a);
        c0 = T.MultiplyAdd(b0, x, c0);
        c1 = T.MultiplyAdd(b1, x, c1);
    }

    /// <summary>c = the row, or the row added to it.</summary>
    [MethodImpl(Inline)]
    public readonly void Store(float* c, bool accumulate)
    {
        T.Store(accumulate ? c0 + T.Load(c) : c0, c);
        T.Store(accumulate ? c1 + T.Load(c + T.Count) : c1, c + T.Count);
    }
}
