using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// What tiles of 6 rows × 2 registers have in common: a step of k and the way of the sums to memory. The rows are six locals of the tile, since only those
/// stay in registers; a struct of six would live in memory. Offsets are parameters of their own: constant ones become part of addresses.
/// </summary>
internal static unsafe class SixRows<V, T>
    where V : struct
    where T : struct, IRegister<V>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>Adds a[offset + row] · b[step + …] for rows next to each other.</summary>
    [MethodImpl(Inline)]
    public static void AddColumn(float* a, nint offset, float* b, nint step, ref Pair<V, T> c0, ref Pair<V, T> c1, ref Pair<V, T> c2, ref Pair<V, T> c3, ref Pair<V, T> c4, ref Pair<V, T> c5)
    {
        V b0 = T.Load(b + step), b1 = T.Load(b + step + T.Count);
        c0.MultiplyAdd(*(a + offset), b0, b1);
        c1.MultiplyAdd(*(a + offset + 1), b0, b1);
        c2.MultiplyAdd(*(a + offset + 2), b0, b1);
        c3.MultiplyAdd(*(a + offset + 3), b0, b1);
        c4.MultiplyAdd(*(a + offset + 4), b0, b1);
        c5.MultiplyAdd(*(a + offset + 5), b0, b1);
    }

    /// <summary>Adds a[row · stride + offset] · b[step + …]; a3 is the fourth row, so that the others are reached by scaled addressing.</summary>
    [MethodImpl(Inline)]
    public static void AddStrided(float* a, float* a3, nint stride, nint offset, float* b, nint step, ref Pair<V, T> c0, ref Pair<V, T> c1, ref Pair<V, T> c2, ref Pair<V, T> c3, ref Pair<V, T> c4, ref Pair<V, T> c5)
    {
        V b0 = T.Load(b + step), b1 = T.Load(b + step + T.Count);
        c0.MultiplyAdd(*(a + offset), b0, b1);
        c1.MultiplyAdd(*(a + stride + offset), b0, b1);
        c2.MultiplyAdd(*(a + 2 * stride + offset), b0, b1);
        c3.MultiplyAdd(*(a3 + offset), b0, b1);
        c4.MultiplyAdd(*(a3 + stride + offset), b0, b1);
        c5.MultiplyAdd(*(a3 + 2 * stride + offset), b0, b1);
    }

    /// <summary>Stores the sums, adds them to C, or stores them past the caches.</summary>
    [MethodImpl(Inline)]
    public static void Store(TileStore store, float* c, nint ldc, ref Pair<V, T> c0, ref Pair<V, T> c1, ref Pair<V, T> c2, ref Pair<V, T> c3, ref Pair<V, T> c4, ref Pair<V, T> c5)
    {
        if (store == TileStore.Stream)
        {
            c0.Stream(c);
            c1.Stream(c + ldc);
            c2.Stream(c + 2 * ldc);
            c3.Stream(c + 3 * ldc);
            c4.Stream(c + 4 * ldc);
            c5.Stream(c + 5 * ldc);
            return;
        }

        if (store == TileStore.Add)
        {
            c0.Add(c);
            c1.Add(c + ldc);
            c2.Add(c + 2 * ldc);
            c3.Add(c + 3 * ldc);
            c4.Add(c + 4 * ldc);
            c5.Add(c + 5 * ldc);
        }

        c0.Store(c);
        c1.Store(c + ldc);
        c2.Store(c + 2 * ldc);
        c3.Store(c + 3 * ldc);
        c4.Store(c + 4 * ldc);
        c5.Store(c + 5 * ldc);
    }
}
