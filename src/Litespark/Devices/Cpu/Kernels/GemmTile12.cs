using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The 12 × 2 register tile, for machines with thirty-two registers (AVX-512, ARM64): 24 accumulators, two registers of B, one of A.
/// </summary>
internal readonly unsafe struct GemmTile12<V, T> : IGemmTile
    where V : struct
    where T : struct, IRegister<V>
{
    // Straight to optimised code: in the first tier a kernel is some hundred times slower.
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    // Floats per cache line.
    const int CacheLine = 16;

    /// <inheritdoc/>
    public static int Rows { [MethodImpl(Inline)] get => 12; }

    /// <inheritdoc/>
    public static int Columns { [MethodImpl(Inline)] get => 2 * T.Count; }

    /// <inheritdoc/>
    [MethodImpl(Hot)]
    public static void Packed(nint k, float* aPanel, float* bPanel, float* c, nint ldc, bool accumulate, float* ahead, nint step)
        => ByColumn(k, aPanel, 12, bPanel, 2 * T.Count, c, ldc, accumulate, ahead, step, hints: true);

    /// <inheritdoc/>
    [MethodImpl(Hot)]
    public static void ColumnMajorA(nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
        => ByColumn(k, a, lda, b, ldb, c, ldc, accumulate, b, 0, hints: false);

    // Rows next to each other at a, k steps lda apart. Inlined, so that constant strides become immediate offsets.
    [MethodImpl(Inline)]
    static void ByColumn(nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate,
        float* ahead, nint step, bool hints)
    {
        Quad<V, T> left0 = default, right0 = default, left4 = default, right4 = default, left8 = default, right8 = default;
        // Four steps in a turn: where another thread shares the core, every instruction that is not a multiply-add counts.
        for (; k > 3; k -= 4, a += 4 * lda, b += 4 * ldb)
        {
            Step(a, a + 4, a + 8, 1, b, ref left0, ref right0, ref left4, ref right4, ref left8, ref right8);
            Step(a + lda, a + 4 + lda, a + 8 + lda, 1, b + ldb, ref left0, ref right0, ref left4, ref right4, ref left8, ref right8);
            Step(a + 2 * lda, a + 4 + 2 * lda, a + 8 + 2 * lda, 1, b + 2 * ldb, ref left0, ref right0, ref left4, ref right4, ref left8, ref right8);
            Step(a + 3 * lda, a + 4 + 3 * lda, a + 8 + 3 * lda, 1, b + 3 * ldb, ref left0, ref right0, ref left4, ref right4, ref left8, ref right8);
            if (!hints) continue;
            Prefetch.Nearby(ahead, 1);
            Prefetch.Nearby(ahead + step, 1);
            Prefetch.Nearby(ahead + 2 * step, 1);
            Prefetch.Nearby(ahead + 3 * step, 1);
            ahead += 4 * step;
        }

        for (; k > 0; k--, a += lda, b += ldb, ahead += step)
        {
            Step(a, a + 4, a + 8, 1, b, ref left0, ref right0, ref left4, ref right4, ref left8, ref right8);
            if (hints) Prefetch.Nearby(ahead, 1);
        }

        left0.Store(c, ldc, accumulate);
        right0.Store(c + T.Count, ldc, accumulate);
        left4.Store(c + 4 * ldc, ldc, accumulate);
        right4.Store(c + 4 * ldc + T.Count, ldc, accumulate);
        left8.Store(c + 8 * ldc, ldc, accumulate);
        right8.Store(c + 8 * ldc + T.Count, ldc, accumulate);
    }

    /// <inheritdoc/>
    [MethodImpl(Hot)]
    public static void RowMajorA(nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        Quad<V, T> left0 = default, right0 = default, left4 = default, right4 = default, left8 = default, right8 = default;
        // One pointer per four rows: the others are reached by an index.
        float* a4 = a + 4 * lda, a8 = a + 8 * lda;
        nint below = 12 * lda;
        while (k > 0)
        {
            // The rows below are most likely next: they come as 12 short streams, which the hardware doesn't foresee.
            Prefetch.Rows(a + below, lda, 12);
            nint steps = Math.Min(k, CacheLine);
            k -= steps;
            for (; steps > 3; steps -= 4, a += 4, a4 += 4, a8 += 4, b += 4 * ldb)
            {
                Step(a, a4, a8, lda, b, ref left0, ref right0, ref left4, ref right4, ref left8, ref right8);
                Step(a + 1, a4 + 1, a8 + 1, lda, b + ldb, ref left0, ref right0, ref left4, ref right4, ref left8, ref right8);
                Step(a + 2, a4 + 2, a8 + 2, lda, b + 2 * ldb, ref left0, ref right0, ref left4, ref right4, ref left8, ref right8);
                Step(a + 3, a4 + 3, a8 + 3, lda, b + 3 * ldb, ref left0, ref right0, ref left4, ref right4, ref left8, ref right8);
            }

            for (; steps > 0; steps--, a++, a4++, a8++, b += ldb) Step(a, a4, a8, lda, b, ref left0, ref right0, ref left4, ref right4, ref left8, ref right8);
        }

        left0.Store(c, ldc, accumulate);
        right0.Store(c + T.Count, ldc, accumulate);
        left4.Store(c + 4 * ldc, ldc, accumulate);
        right4.Store(c + 4 * ldc + T.Count, ldc, accumulate);
        left8.Store(c + 8 * ldc, ldc, accumulate);
        right8.Store(c + 8 * ldc + T.Count, ldc, accumulate);
    }

    /// <inheritdoc/>
    [MethodImpl(Hot)]
    public static void FirstColumns(int registers, nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc)
    {
        // Of two registers one: there is no other number.
        Quad<V, T> c0 = default, c4 = default, c8 = default;
        float* a4 = a + 4 * lda, a8 = a + 8 * lda;
        for (; k > 0; k--, a++, a4++, a8++, b += ldb)
        {
            V b0 = T.Load(b);
            c0 = c0.MultiplyAdd(a, lda, b0);
            c4 = c4.MultiplyAdd(a4, lda, b0);
            c8 = c8.MultiplyAdd(a8, lda, b0);
        }

        c0.Store(c, ldc, accumulate: false);
        c4.Store(c + 4 * ldc, ldc, accumulate: false);
        c8.Store(c + 8 * ldc, ldc, accumulate: false);
    }

    // A step of k; the rows of each pointer are so many floats apart.
    [MethodImpl(Inline)]
    static void Step(float* a, float* a4, float* a8, nint row, float* b,
        ref Quad<V, T> left0, ref Quad<V, T> right0, ref Quad<V, T> left4, ref Quad<V, T> right4, ref Quad<V, T> left8, ref Quad<V, T> right8)
    {
        V b0 = T.Load(b), b1 = T.Load(b + T.Count);
        Quad<V, T>.MultiplyAdd(a, row, b0, b1, ref left0, ref right0);
        Quad<V, T>.MultiplyAdd(a4, row, b0, b1, ref left4, ref right4);
        Quad<V, T>.MultiplyAdd(a8, row, b0, b1, ref left8, ref right8);
    }
}
