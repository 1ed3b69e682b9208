using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>8 or 4 rows × 2 registers, for machines with thirty-two registers.</summary>
internal readonly unsafe struct BlockGradientTile8<T> : IBlockGradientTile where T : struct, ISimd<T>
{
    /// <inheritdoc/>
    public static int Columns { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => 2 * T.Count; }

    /// <inheritdoc/>
    public static void Multiply(int rows, nint tokens, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        for (; rows >= 8; rows -= 8, a += 8, c += 8 * ldc) Rows8(tokens, a, lda, b, ldb, c, ldc, accumulate);
        if (rows > 0) BlockGradientTile6<T>.Rows4(tokens, a, lda, b, ldb, c, ldc, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Rows8(nint tokens, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        Pair<T> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default, c6 = default, c7 = default;
        for (; tokens > 0; tokens--, a += lda, b += ldb)
        {
            T b0 = T.Load(b), b1 = T.Load(b + T.Count);
            c0.MultiplyAdd(a[0], b0, b1);
            c1.MultiplyAdd(a[1], b0, b1);
            c2.MultiplyAdd(a[2], b0, b1);
            c3.MultiplyAdd(a[3], b0, b1);
            c4.MultiplyAdd(a[4], b0, b1);
            c5.MultiplyAdd(a[5], b0, b1);
            c6.MultiplyAdd(a[6], b0, b1);
            c7.MultiplyAdd(a[7], b0, b1);
        }

        c0.Store(c, accumulate);
        c1.Store(c + ldc, accumulate);
        c2.Store(c + 2 * ldc, accumulate);
        c3.Store(c + 3 * ldc, accumulate);
        c4.Store(c + 4 * ldc, accumulate);
        c5.Store(c + 5 * ldc, accumulate);
        c6.Store(c + 6 * ldc, accumulate);
        c7.Store(c + 7 * ldc, accumulate);
    }
}
