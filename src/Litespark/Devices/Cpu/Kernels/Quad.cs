using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Four accumulators of a register tile, one per row. The JIT keeps the fields of so small a struct in registers, as it does locals:
/// tiles of many rows are written as a few of these.
/// </summary>
internal unsafe struct Quad<V, T>
    where V : struct
    where T : struct, IRegister<V>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    V r0, r1, r2, r3;

    /// <summary>Row i + a[i · step] · b: a value of its own, since only so the JIT multiplies by what lies in memory.</summary>
    [MethodImpl(Inline)]
    public readonly Quad<V, T> MultiplyAdd(float* a, nint step, V b)
    {
        Quad<V, T> sums;
        sums.r0 = T.MultiplyAdd(a, b, r0);
        sums.r1 = T.MultiplyAdd(a + step, b, r1);
        sums.r2 = T.MultiplyAdd(a + 2 * step, b, r2);
        sums.r3 = T.MultiplyAdd(a + 3 * step, b, r3);
        return sums;
    }

    /// <summary>Row i of left and right + a[i · step] · (b0, b1): an element of a serves two columns of registers.</summary>
    [MethodImpl(Inline)]
    public static void MultiplyAdd(float* a, nint step, V b0, V b1, ref Quad<V, T> left, ref Quad<V, T> right)
    {
        V x = T.Broadcast(*a);
        left.r0 = T.MultiplyAdd(x, b0, left.r0);
        right.r0 = T.MultiplyAdd(x, b1, right.r0);
        x = T.Broadcast(*(a + step));
        left.r1 = T.MultiplyAdd(x, b0, left.r1);
        right.r1 = T.MultiplyAdd(x, b1, right.r1);
        x = T.Broadcast(*(a + 2 * step));
        left.r2 = T.MultiplyAdd(x, b0, left.r2);
        right.r2 = T.MultiplyAdd(x, b1, right.r2);
        x = T.Broadcast(*(a + 3 * step));
        left.r3 = T.MultiplyAdd(x, b0, left.r3);
        right.r3 = T.MultiplyAdd(x, b1, right.r3);
    }

    /// <summary>As above for three columns of registers.</summary>
    [MethodImpl(Inline)]
    public static void MultiplyAdd(float* a, nint step, V b0, V b1, V b2, ref Quad<V, T> left, ref Quad<V, T> middle, ref Quad<V, T> right)
    {
        V x = T.Broadcast(*a);
        left.r0 = T.MultiplyAdd(x, b0, left.r0);
        middle.r0 = T.MultiplyAdd(x, b1, middle.r0);
        right.r0 = T.MultiplyAdd(x, b2, right.r0);
        x = T.Broadcast(*(a + step));
        left.r1 = T.MultiplyAdd(x, b0, left.r1);
        middle.r1 = T.MultiplyAdd(x, b1, middle.r1);
        right.r1 = T.MultiplyAdd(x, b2, right.r1);
        x = T.Broadcast(*(a + 2 * step));
        left.r2 = T.MultiplyAdd(x, b0, left.r2);
        middle.r2 = T.MultiplyAdd(x, b1, middle.r2);
        right.r2 = T.MultiplyAdd(x, b2, right.r2);
        x = T.Broadcast(*(a + 3 * step));
        left.r3 = T.MultiplyAdd(x, b0, left.r3);
        middle.r3 = T.MultiplyAdd(x, b1, middle.r3);
        right.r3 = T.MultiplyAdd(x, b2, right.r3);
    }

    /// <summary>Row i of c = row i, or row i added to it.</summary>
    [MethodImpl(Inline)]
    public readonly void Store(float* c, nint ldc, bool accumulate)
    {
        if (accumulate)
        {
            T.Store(T.Add(r0, T.Load(c)), c);
            T.Store(T.Add(r1, T.Load(c + ldc)), c + ldc);
            T.Store(T.Add(r2, T.Load(c + 2 * ldc)), c + 2 * ldc);
            T.Store(T.Add(r3, T.Load(c + 3 * ldc)), c + 3 * ldc);
        }
        else
        {
            T.Store(r0, c);
            T.Store(r1, c + ldc);
            T.Store(r2, c + 2 * ldc);
            T.Store(r3, c + 3 * ldc);
        }
    }

    /// <summary>Row i of c = row i, past the caches.</summary>
    [MethodImpl(Inline)]
    public readonly void Stream(float* c, nint ldc)
    {
        T.Stream(r0, c);
        T.Stream(r1, c + ldc);
        T.Stream(r2, c + 2 * ldc);
        T.Stream(r3, c + 3 * ldc);
    }
}
