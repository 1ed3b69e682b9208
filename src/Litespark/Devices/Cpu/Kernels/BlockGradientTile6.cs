using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>6 or 4 rows × 2 registers: the 16 rows of a block are 6 + 6 + 4.</summary>
internal readonly unsafe struct BlockGradientTile6<V, T> : IBlockGradientTile
    where V : struct
    where T : struct, IRegister<V>
{
    /// <inheritdoc/>
    public static int Columns { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => 2 * T.Count; }

    /// <inheritdoc/>
    public static void Multiply(int rows, nint tokens, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        // 16 is 6 + 6 + 4, 12 is 6 + 6, 8 is 4 + 4.
        for (int sixes = rows >= 12 ? 2 : 0; sixes > 0; sixes--, rows -= 6, a += 6, c += 6 * ldc) GemmTile6<V, T>.ColumnMajorA(tokens, a, lda, b, ldb, c, ldc, accumulate);
        for (; rows > 0; rows -= 4, a += 4, c += 4 * ldc) Rows4(tokens, a, lda, b, ldb, c, ldc, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Rows4(nint tokens, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        Pair<V, T> c0 = default, c1 = default, c2 = default, c3 = default;
        for (; tokens > 1; tokens -= 2, a += 2 * lda, b += 2 * ldb)
        {
            Step(a, b, ref c0, ref c1, ref c2, ref c3);
            Step(a + lda, b + ldb, ref c0, ref c1, ref c2, ref c3);
        }

        if (tokens > 0) Step(a, b, ref c0, ref c1, ref c2, ref c3);
        if (accumulate)
        {
            c0.Add(c);
            c1.Add(c + ldc);
            c2.Add(c + 2 * ldc);
            c3.Add(c + 3 * ldc);
        }

        c0.Store(c);
        c1.Store(c + ldc);
        c2.Store(c + 2 * ldc);
        c3.Store(c + 3 * ldc);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Step(float* a, float* b, ref Pair<V, T> c0, ref Pair<V, T> c1, ref Pair<V, T> c2, ref Pair<V, T> c3)
    {
        V b0 = T.Load(b), b1 = T.Load(b + T.Count);
        c0.MultiplyAdd(a[0], b0, b1);
        c1.MultiplyAdd(a[1], b0, b1);
        c2.MultiplyAdd(a[2], b0, b1);
        c3.MultiplyAdd(a[3], b0, b1);
    }
}
