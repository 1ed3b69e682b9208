using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Two accumulators of a register tile, next to each other in one row: see <see cref="Quad{V, T}"/>.</summary>
internal unsafe struct Pair<V, T>
    where V : struct
    where T : struct, IRegister<V>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    V c0, c1;

    /// <summary>Adds a · (b0, b1).</summary>
    [MethodImpl(Inline)]
    public void MultiplyAdd(float a, V b0, V b1)
    {
        V x = T.Broadcast(a);
        c0 = T.MultiplyAdd(b0, x, c0);
        c1 = T.MultiplyAdd(b1, x, c1);
    }

    /// <summary>Adds what lies at c.</summary>
    [MethodImpl(Inline)]
    public void Add(float* c)
    {
        c0 = T.Add(c0, T.Load(c));
        c1 = T.Add(c1, T.Load(c + T.Count));
    }

    /// <summary>c = the row.</summary>
    [MethodImpl(Inline)]
    public readonly void Store(float* c)
    {
        T.Store(c0, c);
        T.Store(c1, c + T.Count);
    }

    /// <summary>c = the row, past the caches.</summary>
    [MethodImpl(Inline)]
    public readonly void Stream(float* c)
    {
        T.Stream(c0, c);
        T.Stream(c1, c + T.Count);
    }
}
