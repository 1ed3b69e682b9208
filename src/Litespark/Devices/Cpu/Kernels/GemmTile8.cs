using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The 8 × 3 register tile, for machines with thirty-two registers: as many accumulators as <see cref="GemmTile12{V, T}"/>, for matrices
/// whose columns come to a whole number of three registers but not of two (a head dimension of 48 with AVX-512).
/// </summary>
internal readonly unsafe struct GemmTile8<V, T> : IGemmTile
    where V : struct
    where T : struct, IRegister<V>
{
    // Straight to optimised code: in the first tier a kernel is some hundred times slower.
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    // Floats per cache line.
    const int CacheLine = 16;

    /// <inheritdoc/>
    public static int Rows { [MethodImpl(Inline)] get => 8; }

    /// <inheritdoc/>
    public static int Columns { [MethodImpl(Inline)] get => 3 * T.Count; }

    /// <inheritdoc/>
    [MethodImpl(Hot)]
    public static void Packed(nint k, float* aPanel, float* bPanel, float* c, nint ldc, bool accumulate, float* ahead, nint step)
        => ByColumn(k, aPanel, 8, bPanel, 3 * T.Count, c, ldc, accumulate, ahead, step, hints: true);

    /// <inheritdoc/>
    [MethodImpl(Hot)]
    public static void ColumnMajorA(nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
        => ByColumn(k, a, lda, b, ldb, c, ldc, accumulate, b, 0, hints: false);

    // Rows next to each other at a, k steps lda apart. Inlined, so that constant strides become immediate offsets.
    [MethodImpl(Inline)]
    static void ByColumn(nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate,
        float* ahead, nint step, bool hints)
    {
        V c00 = default, c01 = default, c02 = default, c10 = default, c11 = default, c12 = default;
        V c20 = default, c21 = default, c22 = default, c30 = default, c31 = default, c32 = default;
        V c40 = default, c41 = default, c42 = default, c50 = default, c51 = default, c52 = default;
        V c60 = default, c61 = default, c62 = default, c70 = default, c71 = default, c72 = default;
        // Two steps in a turn, as in the 12 × 2 tile.
        for (; k > 1; k -= 2)
        {
            V b0 = T.Load(b), b1 = T.Load(b + T.Count), b2 = T.Load(b + 2 * T.Count);
            V x = T.Broadcast(a[0]); c00 = T.MultiplyAdd(x, b0, c00); c01 = T.MultiplyAdd(x, b1, c01); c02 = T.MultiplyAdd(x, b2, c02);
            x = T.Broadcast(a[1]); c10 = T.MultiplyAdd(x, b0, c10); c11 = T.MultiplyAdd(x, b1, c11); c12 = T.MultiplyAdd(x, b2, c12);
            x = T.Broadcast(a[2]); c20 = T.MultiplyAdd(x, b0, c20); c21 = T.MultiplyAdd(x, b1, c21); c22 = T.MultiplyAdd(x, b2, c22);
            x = T.Broadcast(a[3]); c30 = T.MultiplyAdd(x, b0, c30); c31 = T.MultiplyAdd(x, b1, c31); c32 = T.MultiplyAdd(x, b2, c32);
            x = T.Broadcast(a[4]); c40 = T.MultiplyAdd(x, b0, c40); c41 = T.MultiplyAdd(x, b1, c41); c42 = T.MultiplyAdd(x, b2, c42);
            x = T.Broadcast(a[5]); c50 = T.MultiplyAdd(x, b0, c50); c51 = T.MultiplyAdd(x, b1, c51); c52 = T.MultiplyAdd(x, b2, c52);
            x = T.Broadcast(a[6]); c60 = T.MultiplyAdd(x, b0, c60); c61 = T.MultiplyAdd(x, b1, c61); c62 = T.MultiplyAdd(x, b2, c62);
            x = T.Broadcast(a[7]); c70 = T.MultiplyAdd(x, b0, c70); c71 = T.MultiplyAdd(x, b1, c71); c72 = T.MultiplyAdd(x, b2, c72);
            float* next = a + lda;
            b0 = T.Load(b + ldb);
            b1 = T.Load(b + ldb + T.Count);
            b2 = T.Load(b + ldb + 2 * T.Count);
            x = T.Broadcast(next[0]); c00 = T.MultiplyAdd(x, b0, c00); c01 = T.MultiplyAdd(x, b1, c01); c02 = T.MultiplyAdd(x, b2, c02);
            x = T.Broadcast(next[1]); c10 = T.MultiplyAdd(x, b0, c10); c11 = T.MultiplyAdd(x, b1, c11); c12 = T.MultiplyAdd(x, b2, c12);
            x = T.Broadcast(next[2]); c20 = T.MultiplyAdd(x, b0, c20); c21 = T.MultiplyAdd(x, b1, c21); c22 = T.MultiplyAdd(x, b2, c22);
            x = T.Broadcast(next[3]); c30 = T.MultiplyAdd(x, b0, c30); c31 = T.MultiplyAdd(x, b1, c31); c32 = T.MultiplyAdd(x, b2, c32);
            x = T.Broadcast(next[4]); c40 = T.MultiplyAdd(x, b0, c40); c41 = T.MultiplyAdd(x, b1, c41); c42 = T.MultiplyAdd(x, b2, c42);
            x = T.Broadcast(next[5]); c50 = T.MultiplyAdd(x, b0, c50); c51 = T.MultiplyAdd(x, b1, c51); c52 = T.MultiplyAdd(x, b2, c52);
            x = T.Broadcast(next[6]); c60 = T.MultiplyAdd(x, b0, c60); c61 = T.MultiplyAdd(x, b1, c61); c62 = T.MultiplyAdd(x, b2, c62);
            x = T.Broadcast(next[7]); c70 = T.MultiplyAdd(x, b0, c70); c71 = T.MultiplyAdd(x, b1, c71); c72 = T.MultiplyAdd(x, b2, c72);
            a += 2 * lda;
            b += 2 * ldb;
            if (!hints) continue;
            Prefetch.Nearby(ahead, 1);
            Prefetch.Nearby(ahead + step, 1);
            ahead += 2 * step;
        }

        if (k > 0)
        {
            V b0 = T.Load(b), b1 = T.Load(b + T.Count), b2 = T.Load(b + 2 * T.Count);
            V x = T.Broadcast(a[0]); c00 = T.MultiplyAdd(x, b0, c00); c01 = T.MultiplyAdd(x, b1, c01); c02 = T.MultiplyAdd(x, b2, c02);
            x = T.Broadcast(a[1]); c10 = T.MultiplyAdd(x, b0, c10); c11 = T.MultiplyAdd(x, b1, c11); c12 = T.MultiplyAdd(x, b2, c12);
            x = T.Broadcast(a[2]); c20 = T.MultiplyAdd(x, b0, c20); c21 = T.MultiplyAdd(x, b1, c21); c22 = T.MultiplyAdd(x, b2, c22);
            x = T.Broadcast(a[3]); c30 = T.MultiplyAdd(x, b0, c30); c31 = T.MultiplyAdd(x, b1, c31); c32 = T.MultiplyAdd(x, b2, c32);
            x = T.Broadcast(a[4]); c40 = T.MultiplyAdd(x, b0, c40); c41 = T.MultiplyAdd(x, b1, c41); c42 = T.MultiplyAdd(x, b2, c42);
            x = T.Broadcast(a[5]); c50 = T.MultiplyAdd(x, b0, c50); c51 = T.MultiplyAdd(x, b1, c51); c52 = T.MultiplyAdd(x, b2, c52);
            x = T.Broadcast(a[6]); c60 = T.MultiplyAdd(x, b0, c60); c61 = T.MultiplyAdd(x, b1, c61); c62 = T.MultiplyAdd(x, b2, c62);
            x = T.Broadcast(a[7]); c70 = T.MultiplyAdd(x, b0, c70); c71 = T.MultiplyAdd(x, b1, c71); c72 = T.MultiplyAdd(x, b2, c72);
            if (hints) Prefetch.Nearby(ahead, 1);
        }

        if (accumulate)
        {
            c00 = T.Add(c00, T.Load(c)); c01 = T.Add(c01, T.Load(c + T.Count)); c02 = T.Add(c02, T.Load(c + 2 * T.Count));
            c10 = T.Add(c10, T.Load(c + ldc)); c11 = T.Add(c11, T.Load(c + ldc + T.Count)); c12 = T.Add(c12, T.Load(c + ldc + 2 * T.Count));
            c20 = T.Add(c20, T.Load(c + 2 * ldc)); c21 = T.Add(c21, T.Load(c + 2 * ldc + T.Count)); c22 = T.Add(c22, T.Load(c + 2 * ldc + 2 * T.Count));
            c30 = T.Add(c30, T.Load(c + 3 * ldc)); c31 = T.Add(c31, T.Load(c + 3 * ldc + T.Count)); c32 = T.Add(c32, T.Load(c + 3 * ldc + 2 * T.Count));
            c40 = T.Add(c40, T.Load(c + 4 * ldc)); c41 = T.Add(c41, T.Load(c + 4 * ldc + T.Count)); c42 = T.Add(c42, T.Load(c + 4 * ldc + 2 * T.Count));
            c50 = T.Add(c50, T.Load(c + 5 * ldc)); c51 = T.Add(c51, T.Load(c + 5 * ldc + T.Count)); c52 = T.Add(c52, T.Load(c + 5 * ldc + 2 * T.Count));
            c60 = T.Add(c60, T.Load(c + 6 * ldc)); c61 = T.Add(c61, T.Load(c + 6 * ldc + T.Count)); c62 = T.Add(c62, T.Load(c + 6 * ldc + 2 * T.Count));
            c70 = T.Add(c70, T.Load(c + 7 * ldc)); c71 = T.Add(c71, T.Load(c + 7 * ldc + T.Count)); c72 = T.Add(c72, T.Load(c + 7 * ldc + 2 * T.Count));
        }
        T.Store(c00, c); T.Store(c01, c + T.Count); T.Store(c02, c + 2 * T.Count);
        T.Store(c10, c + ldc); T.Store(c11, c + ldc + T.Count); T.Store(c12, c + ldc + 2 * T.Count);
        T.Store(c20, c + 2 * ldc); T.Store(c21, c + 2 * ldc + T.Count); T.Store(c22, c + 2 * ldc + 2 * T.Count);
        T.Store(c30, c + 3 * ldc); T.Store(c31, c + 3 * ldc + T.Count); T.Store(c32, c + 3 * ldc + 2 * T.Count);
        T.Store(c40, c + 4 * ldc); T.Store(c41, c + 4 * ldc + T.Count); T.Store(c42, c + 4 * ldc + 2 * T.Count);
        T.Store(c50, c + 5 * ldc); T.Store(c51, c + 5 * ldc + T.Count); T.Store(c52, c + 5 * ldc + 2 * T.Count);
        T.Store(c60, c + 6 * ldc); T.Store(c61, c + 6 * ldc + T.Count); T.Store(c62, c + 6 * ldc + 2 * T.Count);
        T.Store(c70, c + 7 * ldc); T.Store(c71, c + 7 * ldc + T.Count); T.Store(c72, c + 7 * ldc + 2 * T.Count);
    }

    /// <inheritdoc/>
    [MethodImpl(Hot)]
    public static void RowMajorA(nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        V c00 = default, c01 = default, c02 = default, c10 = default, c11 = default, c12 = default;
        V c20 = default, c21 = default, c22 = default, c30 = default, c31 = default, c32 = default;
        V c40 = default, c41 = default, c42 = default, c50 = default, c51 = default, c52 = default;
        V c60 = default, c61 = default, c62 = default, c70 = default, c71 = default, c72 = default;
        // One pointer per three rows: the others are reached by scaled addressing.
        float* a3 = a + 3 * lda, a6 = a + 6 * lda;
        nint below = 8 * lda;
        while (k > 0)
        {
            // The rows below are most likely next: they come as 8 short streams, which the hardware doesn't foresee.
            Prefetch.Line(a + below); Prefetch.Line(a + below + lda); Prefetch.Line(a + below + 2 * lda);
            Prefetch.Line(a3 + below); Prefetch.Line(a3 + below + lda); Prefetch.Line(a3 + below + 2 * lda);
            Prefetch.Line(a6 + below); Prefetch.Line(a6 + below + lda);
            for (nint steps = Math.Min(k, CacheLine); steps > 0; steps--, k--)
            {
                V b0 = T.Load(b), b1 = T.Load(b + T.Count), b2 = T.Load(b + 2 * T.Count);
                V x = T.Broadcast(*a); c00 = T.MultiplyAdd(x, b0, c00); c01 = T.MultiplyAdd(x, b1, c01); c02 = T.MultiplyAdd(x, b2, c02);
                x = T.Broadcast(a[lda]); c10 = T.MultiplyAdd(x, b0, c10); c11 = T.MultiplyAdd(x, b1, c11); c12 = T.MultiplyAdd(x, b2, c12);
                x = T.Broadcast(a[2 * lda]); c20 = T.MultiplyAdd(x, b0, c20); c21 = T.MultiplyAdd(x, b1, c21); c22 = T.MultiplyAdd(x, b2, c22);
                x = T.Broadcast(*a3); c30 = T.MultiplyAdd(x, b0, c30); c31 = T.MultiplyAdd(x, b1, c31); c32 = T.MultiplyAdd(x, b2, c32);
                x = T.Broadcast(a3[lda]); c40 = T.MultiplyAdd(x, b0, c40); c41 = T.MultiplyAdd(x, b1, c41); c42 = T.MultiplyAdd(x, b2, c42);
                x = T.Broadcast(a3[2 * lda]); c50 = T.MultiplyAdd(x, b0, c50); c51 = T.MultiplyAdd(x, b1, c51); c52 = T.MultiplyAdd(x, b2, c52);
                x = T.Broadcast(*a6); c60 = T.MultiplyAdd(x, b0, c60); c61 = T.MultiplyAdd(x, b1, c61); c62 = T.MultiplyAdd(x, b2, c62);
                x = T.Broadcast(a6[lda]); c70 = T.MultiplyAdd(x, b0, c70); c71 = T.MultiplyAdd(x, b1, c71); c72 = T.MultiplyAdd(x, b2, c72);
                a++; a3++; a6++;
                b += ldb;
            }
        }
        if (accumulate)
        {
            c00 = T.Add(c00, T.Load(c)); c01 = T.Add(c01, T.Load(c + T.Count)); c02 = T.Add(c02, T.Load(c + 2 * T.Count));
            c10 = T.Add(c10, T.Load(c + ldc)); c11 = T.Add(c11, T.Load(c + ldc + T.Count)); c12 = T.Add(c12, T.Load(c + ldc + 2 * T.Count));
            c20 = T.Add(c20, T.Load(c + 2 * ldc)); c21 = T.Add(c21, T.Load(c + 2 * ldc + T.Count)); c22 = T.Add(c22, T.Load(c + 2 * ldc + 2 * T.Count));
            c30 = T.Add(c30, T.Load(c + 3 * ldc)); c31 = T.Add(c31, T.Load(c + 3 * ldc + T.Count)); c32 = T.Add(c32, T.Load(c + 3 * ldc + 2 * T.Count));
            c40 = T.Add(c40, T.Load(c + 4 * ldc)); c41 = T.Add(c41, T.Load(c + 4 * ldc + T.Count)); c42 = T.Add(c42, T.Load(c + 4 * ldc + 2 * T.Count));
            c50 = T.Add(c50, T.Load(c + 5 * ldc)); c51 = T.Add(c51, T.Load(c + 5 * ldc + T.Count)); c52 = T.Add(c52, T.Load(c + 5 * ldc + 2 * T.Count));
            c60 = T.Add(c60, T.Load(c + 6 * ldc)); c61 = T.Add(c61, T.Load(c + 6 * ldc + T.Count)); c62 = T.Add(c62, T.Load(c + 6 * ldc + 2 * T.Count));
            c70 = T.Add(c70, T.Load(c + 7 * ldc)); c71 = T.Add(c71, T.Load(c + 7 * ldc + T.Count)); c72 = T.Add(c72, T.Load(c + 7 * ldc + 2 * T.Count));
        }
        T.Store(c00, c); T.Store(c01, c + T.Count); T.Store(c02, c + 2 * T.Count);
        T.Store(c10, c + ldc); T.Store(c11, c + ldc + T.Count); T.Store(c12, c + ldc + 2 * T.Count);
        T.Store(c20, c + 2 * ldc); T.Store(c21, c + 2 * ldc + T.Count); T.Store(c22, c + 2 * ldc + 2 * T.Count);
        T.Store(c30, c + 3 * ldc); T.Store(c31, c + 3 * ldc + T.Count); T.Store(c32, c + 3 * ldc + 2 * T.Count);
        T.Store(c40, c + 4 * ldc); T.Store(c41, c + 4 * ldc + T.Count); T.Store(c42, c + 4 * ldc + 2 * T.Count);
        T.Store(c50, c + 5 * ldc); T.Store(c51, c + 5 * ldc + T.Count); T.Store(c52, c + 5 * ldc + 2 * T.Count);
        T.Store(c60, c + 6 * ldc); T.Store(c61, c + 6 * ldc + T.Count); T.Store(c62, c + 6 * ldc + 2 * T.Count);
        T.Store(c70, c + 7 * ldc); T.Store(c71, c + 7 * ldc + T.Count); T.Store(c72, c + 7 * ldc + 2 * T.Count);
    }
}
