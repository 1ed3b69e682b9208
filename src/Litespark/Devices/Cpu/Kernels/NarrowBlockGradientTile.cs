using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>16, 8 or 4 rows × 1 register, for blocks that are only that wide, or of several registers where these are the widest that multiply at full rate.</summary>
internal readonly unsafe struct NarrowBlockGradientTile<V, T> : IBlockGradientTile
    where V : struct
    where T : struct, IRegister<V>
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    /// <inheritdoc/>
    public static int Columns { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => T.Count; }

    /// <inheritdoc/>
    public static void Multiply(int rows, nint tokens, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate, float* next, nint step)
    {
        // The registers of AVX-512 hold all rows.
        if (rows == 16 && T.Count == 16)
        {
            Rows16(tokens, a, lda, b, ldb, c, ldc, accumulate);
            rows = 0;
        }

        for (; rows >= 8; rows -= 8, a += 8, c += 8 * ldc) Rows8(tokens, a, lda, b, ldb, c, ldc, accumulate);
        if (rows > 0) Rows4(tokens, a, lda, b, ldb, c, ldc, accumulate);
    }

    [MethodImpl(Hot)]
    static void Rows16(nint tokens, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        Quad<V, T> c0 = default, c4 = default, c8 = default, c12 = default;
        for (; tokens > 0; tokens--, a += lda, b += ldb)
        {
            V y = T.Load(b);
            c0 = c0.MultiplyAdd(a, 1, y);
            c4 = c4.MultiplyAdd(a + 4, 1, y);
            c8 = c8.MultiplyAdd(a + 8, 1, y);
            c12 = c12.MultiplyAdd(a + 12, 1, y);
        }

        c0.Store(c, ldc, accumulate);
        c4.Store(c + 4 * ldc, ldc, accumulate);
        c8.Store(c + 8 * ldc, ldc, accumulate);
        c12.Store(c + 12 * ldc, ldc, accumulate);
    }

    [MethodImpl(Hot)]
    static void Rows8(nint tokens, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        Quad<V, T> c0 = default, c4 = default;
        for (; tokens > 0; tokens--, a += lda, b += ldb)
        {
            V y = T.Load(b);
            c0 = c0.MultiplyAdd(a, 1, y);
            c4 = c4.MultiplyAdd(a + 4, 1, y);
        }

        c0.Store(c, ldc, accumulate);
        c4.Store(c + 4 * ldc, ldc, accumulate);
    }

    [MethodImpl(Hot)]
    static void Rows4(nint tokens, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        Quad<V, T> c0 = default;
        for (; tokens > 0; tokens--, a += lda, b += ldb) c0 = c0.MultiplyAdd(a, 1, T.Load(b));
        c0.Store(c, ldc, accumulate);
    }
}
