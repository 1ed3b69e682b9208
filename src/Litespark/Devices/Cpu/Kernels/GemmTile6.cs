using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The 6 × 2 register tile, for machines with sixteen registers (x86 without AVX-512): 12 accumulators, two registers of B, one of A.
/// The accumulators are separate locals because only those stay in registers; an array of them would live in memory.
/// </summary>
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

    /// <inheritdoc/>
    [MethodImpl(Hot)]
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
        V c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        V c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        // Two steps in a turn, as in the 12 × 2 tile.
        for (; k > 1; k -= 2)
        {
            V b0 = T.Load(b), b1 = T.Load(b + T.Count);
            V x = T.Broadcast(a[0]); c00 = T.MultiplyAdd(x, b0, c00); c01 = T.MultiplyAdd(x, b1, c01);
            x = T.Broadcast(a[1]); c10 = T.MultiplyAdd(x, b0, c10); c11 = T.MultiplyAdd(x, b1, c11);
            x = T.Broadcast(a[2]); c20 = T.MultiplyAdd(x, b0, c20); c21 = T.MultiplyAdd(x, b1, c21);
            x = T.Broadcast(a[3]); c30 = T.MultiplyAdd(x, b0, c30); c31 = T.MultiplyAdd(x, b1, c31);
            x = T.Broadcast(a[4]); c40 = T.MultiplyAdd(x, b0, c40); c41 = T.MultiplyAdd(x, b1, c41);
            x = T.Broadcast(a[5]); c50 = T.MultiplyAdd(x, b0, c50); c51 = T.MultiplyAdd(x, b1, c51);
            float* next = a + lda;
            b0 = T.Load(b + ldb);
            b1 = T.Load(b + ldb + T.Count);
            x = T.Broadcast(next[0]); c00 = T.MultiplyAdd(x, b0, c00); c01 = T.MultiplyAdd(x, b1, c01);
            x = T.Broadcast(next[1]); c10 = T.MultiplyAdd(x, b0, c10); c11 = T.MultiplyAdd(x, b1, c11);
            x = T.Broadcast(next[2]); c20 = T.MultiplyAdd(x, b0, c20); c21 = T.MultiplyAdd(x, b1, c21);
            x = T.Broadcast(next[3]); c30 = T.MultiplyAdd(x, b0, c30); c31 = T.MultiplyAdd(x, b1, c31);
            x = T.Broadcast(next[4]); c40 = T.MultiplyAdd(x, b0, c40); c41 = T.MultiplyAdd(x, b1, c41);
            x = T.Broadcast(next[5]); c50 = T.MultiplyAdd(x, b0, c50); c51 = T.MultiplyAdd(x, b1, c51);
            a += 2 * lda;
            b += 2 * ldb;
            if (!hints) continue;
            Prefetch.Nearby(ahead, 1);
            Prefetch.Nearby(ahead + step, 1);
            ahead += 2 * step;
        }

        if (k > 0)
        {
            V b0 = T.Load(b), b1 = T.Load(b + T.Count);
            V x = T.Broadcast(a[0]); c00 = T.MultiplyAdd(x, b0, c00); c01 = T.MultiplyAdd(x, b1, c01);
            x = T.Broadcast(a[1]); c10 = T.MultiplyAdd(x, b0, c10); c11 = T.MultiplyAdd(x, b1, c11);
            x = T.Broadcast(a[2]); c20 = T.MultiplyAdd(x, b0, c20); c21 = T.MultiplyAdd(x, b1, c21);
            x = T.Broadcast(a[3]); c30 = T.MultiplyAdd(x, b0, c30); c31 = T.MultiplyAdd(x, b1, c31);
            x = T.Broadcast(a[4]); c40 = T.MultiplyAdd(x, b0, c40); c41 = T.MultiplyAdd(x, b1, c41);
            x = T.Broadcast(a[5]); c50 = T.MultiplyAdd(x, b0, c50); c51 = T.MultiplyAdd(x, b1, c51);
            if (hints) Prefetch.Nearby(ahead, 1);
        }

        if (accumulate)
        {
            c00 = T.Add(c00, T.Load(c)); c01 = T.Add(c01, T.Load(c + T.Count));
            c10 = T.Add(c10, T.Load(c + ldc)); c11 = T.Add(c11, T.Load(c + ldc + T.Count));
            c20 = T.Add(c20, T.Load(c + 2 * ldc)); c21 = T.Add(c21, T.Load(c + 2 * ldc + T.Count));
            c30 = T.Add(c30, T.Load(c + 3 * ldc)); c31 = T.Add(c31, T.Load(c + 3 * ldc + T.Count));
            c40 = T.Add(c40, T.Load(c + 4 * ldc)); c41 = T.Add(c41, T.Load(c + 4 * ldc + T.Count));
            c50 = T.Add(c50, T.Load(c + 5 * ldc)); c51 = T.Add(c51, T.Load(c + 5 * ldc + T.Count));
        }
        T.Store(c00, c); T.Store(c01, c + T.Count);
        T.Store(c10, c + ldc); T.Store(c11, c + ldc + T.Count);
        T.Store(c20, c + 2 * ldc); T.Store(c21, c + 2 * ldc + T.Count);
        T.Store(c30, c + 3 * ldc); T.Store(c31, c + 3 * ldc + T.Count);
        T.Store(c40, c + 4 * ldc); T.Store(c41, c + 4 * ldc + T.Count);
        T.Store(c50, c + 5 * ldc); T.Store(c51, c + 5 * ldc + T.Count);
    }

    /// <inheritdoc/>
    [MethodImpl(Hot)]
    public static void RowMajorA(nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        V c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        V c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        // One pointer per three rows: the others are reached by scaled addressing.
        float* a3 = a + 3 * lda;
        nint below = 6 * lda;
        while (k > 0)
        {
            // The rows below are most likely next: they come as 6 short streams, which the hardware doesn't foresee.
            Prefetch.Line(a + below); Prefetch.Line(a + below + lda); Prefetch.Line(a + below + 2 * lda);
            Prefetch.Line(a3 + below); Prefetch.Line(a3 + below + lda); Prefetch.Line(a3 + below + 2 * lda);
            for (nint steps = Math.Min(k, CacheLine); steps > 0; steps--, k--)
            {
                V b0 = T.Load(b), b1 = T.Load(b + T.Count);
                V x = T.Broadcast(*a); c00 = T.MultiplyAdd(x, b0, c00); c01 = T.MultiplyAdd(x, b1, c01);
                x = T.Broadcast(a[lda]); c10 = T.MultiplyAdd(x, b0, c10); c11 = T.MultiplyAdd(x, b1, c11);
                x = T.Broadcast(a[2 * lda]); c20 = T.MultiplyAdd(x, b0, c20); c21 = T.MultiplyAdd(x, b1, c21);
                x = T.Broadcast(*a3); c30 = T.MultiplyAdd(x, b0, c30); c31 = T.MultiplyAdd(x, b1, c31);
                x = T.Broadcast(a3[lda]); c40 = T.MultiplyAdd(x, b0, c40); c41 = T.MultiplyAdd(x, b1, c41);
                x = T.Broadcast(a3[2 * lda]); c50 = T.MultiplyAdd(x, b0, c50); c51 = T.MultiplyAdd(x, b1, c51);
                a++; a3++;
                b += ldb;
            }
        }
        if (accumulate)
        {
            c00 = T.Add(c00, T.Load(c)); c01 = T.Add(c01, T.Load(c + T.Count));
            c10 = T.Add(c10, T.Load(c + ldc)); c11 = T.Add(c11, T.Load(c + ldc + T.Count));
            c20 = T.Add(c20, T.Load(c + 2 * ldc)); c21 = T.Add(c21, T.Load(c + 2 * ldc + T.Count));
            c30 = T.Add(c30, T.Load(c + 3 * ldc)); c31 = T.Add(c31, T.Load(c + 3 * ldc + T.Count));
            c40 = T.Add(c40, T.Load(c + 4 * ldc)); c41 = T.Add(c41, T.Load(c + 4 * ldc + T.Count));
            c50 = T.Add(c50, T.Load(c + 5 * ldc)); c51 = T.Add(c51, T.Load(c + 5 * ldc + T.Count));
        }
        T.Store(c00, c); T.Store(c01, c + T.Count);
        T.Store(c10, c + ldc); T.Store(c11, c + ldc + T.Count);
        T.Store(c20, c + 2 * ldc); T.Store(c21, c + 2 * ldc + T.Count);
        T.Store(c30, c + 3 * ldc); T.Store(c31, c + 3 * ldc + T.Count);
        T.Store(c40, c + 4 * ldc); T.Store(c41, c + 4 * ldc + T.Count);
        T.Store(c50, c + 5 * ldc); T.Store(c51, c + 5 * ldc + T.Count);
    }
}
