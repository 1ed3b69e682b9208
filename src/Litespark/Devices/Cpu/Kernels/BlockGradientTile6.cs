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
        for (; tokens > 0; tokens--, a += lda, b += ldb)
        {
            V b0 = T.Load(b), b1 = T.Load(b + T.Count);
            c0.MultiplyAdd(a[0], b0, b1);
            c1.MultiplyAdd(a[1], b0, b1);
            c2.MultiplyAdd(a[2], b0, b1);
            c3.MultiplyAdd(a[3], b0, b1);
        }

        c0.Store(c, accumulate);
        c1.Store(c + ldc, accumulate);
        c2.Store(c + 2 * ldc, accumulate);
        c3.Store(c + 3 * ldc, accumulate);
    }
}
