using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>The 6 × 2 register tile, for machines with sixteen registers (x86 without AVX-512): 12 accumulators, two registers of B, one of A.</summary>
internal readonly unsafe struct GemmTile6<V, T> : IGemmTile
    where V : struct
    where T : struct, IRegister<V>
{
    // Straight to optimised code: in the first tier a kernel is some hundred times slower.
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    // Floats per cache line.
    const int CacheLine = 16;

    /// <inheritdoc/>
    public static int Rows { [MethodImpl(Inline)] get => 6; }

    /// <inheritdoc/>
    public static int Columns { [MethodImpl(Inline)] get => 2 * T.Count; }

    // By itself: within its caller's loops too few registers are left for its own, and one is loaded anew every turn.
    /// <inheritdoc/>
    [MethodImpl(Hot | MethodImplOptions.NoInlining)]
    public static void Packed(nint k, float* aPanel, float* bPanel, float* c, nint ldc, bool accumulate, float* ahead, nint step)
        => ByColumn(k, aPanel, 6, bPanel, 2 * T.Count, c, ldc, accumulate, ahead, step, hints: true);

    /// <inheritdoc/>
    [MethodImpl(Hot)]
    public static void ColumnMajorA(nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
        => ByColumn(k, a, lda, b, ldb, c, ldc, accumulate, b, 0, hints: false);

    // Rows next to each other at a, k steps lda apart. Inlined, so that constant strides become immediate offsets.
    [MethodImpl(Inline)]
    static void ByColumn(nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate,
        float* ahead, nint step, bool hints)
    {
        Pair<V, T> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
        // Four steps in a turn: where another thread shares the core, the instructions of the loop itself cost time.
        for (; k > 3; k -= 4, a += 4 * lda, b += 4 * ldb)
        {
            SixRows<V, T>.AddColumn(a, 0, b, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            SixRows<V, T>.AddColumn(a, lda, b, ldb, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            SixRows<V, T>.AddColumn(a, 2 * lda, b, 2 * ldb, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            SixRows<V, T>.AddColumn(a, 3 * lda, b, 3 * ldb, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            if (!hints) continue;
            Prefetch.Nearby(ahead, 1);
            Prefetch.Nearby(ahead + step, 1);
            Prefetch.Nearby(ahead + 2 * step, 1);
            Prefetch.Nearby(ahead + 3 * step, 1);
            ahead += 4 * step;
        }

        for (; k > 0; k--, a += lda, b += ldb, ahead += step)
        {
            SixRows<V, T>.AddColumn(a, 0, b, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            if (hints) Prefetch.Nearby(ahead, 1);
        }

        SixRows<V, T>.Store(accumulate ? TileStore.Add : TileStore.Replace, c, ldc, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
    }

    /// <inheritdoc/>
    [MethodImpl(Hot)]
    public static void RowMajorA(nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        Pair<V, T> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
        float* a3 = a + 3 * lda;
        nint below = 6 * lda;
        while (k > 0)
        {
            // The rows below are most likely next: they come as 6 short streams, which the hardware doesn't foresee.
            Prefetch.Line(a + below); Prefetch.Line(a + below + lda); Prefetch.Line(a + below + 2 * lda);
            Prefetch.Line(a3 + below); Prefetch.Line(a3 + below + lda); Prefetch.Line(a3 + below + 2 * lda);
            nint steps = Math.Min(k, CacheLine);
            k -= steps;
            for (; steps > 3; steps -= 4, a += 4, a3 += 4, b += 4 * ldb)
            {
                SixRows<V, T>.AddStrided(a, a3, lda, 0, b, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
                SixRows<V, T>.AddStrided(a, a3, lda, 1, b, ldb, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
                SixRows<V, T>.AddStrided(a, a3, lda, 2, b, 2 * ldb, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
                SixRows<V, T>.AddStrided(a, a3, lda, 3, b, 3 * ldb, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            }

            for (; steps > 0; steps--, a++, a3++, b += ldb) SixRows<V, T>.AddStrided(a, a3, lda, 0, b, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
        }

        SixRows<V, T>.Store(accumulate ? TileStore.Add : TileStore.Replace, c, ldc, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
    }

    /// <inheritdoc/>
    [MethodImpl(Hot)]
    public static void FirstColumns(int registers, nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc)
    {
        // Of two registers one: there is no other number.
        V c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
        float* a3 = a + 3 * lda;
        for (; k > 0; k--, a++, a3++, b += ldb)
        {
            V b0 = T.Load(b);
            c0 = T.MultiplyAdd(a, b0, c0);
            c1 = T.MultiplyAdd(a + lda, b0, c1);
            c2 = T.MultiplyAdd(a + 2 * lda, b0, c2);
            c3 = T.MultiplyAdd(a3, b0, c3);
            c4 = T.MultiplyAdd(a3 + lda, b0, c4);
            c5 = T.MultiplyAdd(a3 + 2 * lda, b0, c5);
        }

        T.Store(c0, c);
        T.Store(c1, c + ldc);
        T.Store(c2, c + 2 * ldc);
        T.Store(c3, c + 3 * ldc);
        T.Store(c4, c + 4 * ldc);
        T.Store(c5, c + 5 * ldc);
    }
}
