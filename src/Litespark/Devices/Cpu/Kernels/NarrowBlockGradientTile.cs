using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>16, 8 or 4 rows × 1 register, for blocks that are only that wide, or of several registers where these are the widest that multiply at full rate.</summary>
internal readonly unsafe struct NarrowBlockGradientTile<V, T> : IBlockGradientTile
    where V : struct
    where T : struct, IRegister<V>
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <inheritdoc/>
    public static int Columns { [MethodImpl(Inline)] get => T.Count; }

    /// <inheritdoc/>
    public static bool Groups { [MethodImpl(Inline)] get => T.Count == 16; }

    /// <inheritdoc/>
    public static void Multiply(int rows, nint tokens, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate, float* next, nint step)
    {
        // The registers of AVX-512 hold all rows. Constant distances become parts of addresses.
        if (rows == 16 && T.Count == 16)
        {
            bool lines = lda == LineStride.Floats;
            if (lines && ldb == LineStride.Floats) Rows16<LineStride, LineStride>(tokens, a, lda, b, ldb, c, ldc, accumulate, next, step);
            else if (lines) Rows16<LineStride, AnyStride>(tokens, a, lda, b, ldb, c, ldc, accumulate, next, step);
            else Rows16<AnyStride, AnyStride>(tokens, a, lda, b, ldb, c, ldc, accumulate, next, step);
            return;
        }

        for (; rows >= 8; rows -= 8, a += 8, c += 8 * ldc) Rows8(tokens, a, lda, b, ldb, c, ldc, accumulate);
        if (rows > 0) Rows4(tokens, a, lda, b, ldb, c, ldc, accumulate);
    }

    // Four tokens in a turn; meanwhile what is read next comes.
    [MethodImpl(Hot)]
    static void Rows16<A, B>(nint tokens, float* a, nint strideA, float* b, nint strideB, float* c, nint ldc, bool accumulate, float* next, nint step)
        where A : struct, IStride
        where B : struct, IStride
    {
        nint lda = A.Of(strideA), ldb = B.Of(strideB);
        Quad<V, T> c0 = default, c4 = default, c8 = default, c12 = default;
        for (; tokens > 3; tokens -= 4, a += 4 * lda, b += 4 * ldb, next += 4 * step)
        {
            Step(a, b, ref c0, ref c4, ref c8, ref c12);
            Prefetch.Line(next);
            Step(a + lda, b + ldb, ref c0, ref c4, ref c8, ref c12);
            Prefetch.Line(next + step);
            Step(a + 2 * lda, b + 2 * ldb, ref c0, ref c4, ref c8, ref c12);
            Prefetch.Line(next + 2 * step);
            Step(a + 3 * lda, b + 3 * ldb, ref c0, ref c4, ref c8, ref c12);
            Prefetch.Line(next + 3 * step);
        }

        for (; tokens > 0; tokens--, a += lda, b += ldb) Step(a, b, ref c0, ref c4, ref c8, ref c12);
        c0.Store(c, ldc, accumulate);
        c4.Store(c + 4 * ldc, ldc, accumulate);
        c8.Store(c + 8 * ldc, ldc, accumulate);
        c12.Store(c + 12 * ldc, ldc, accumulate);
    }

    [MethodImpl(Inline)]
    static void Step(float* a, float* b, ref Quad<V, T> c0, ref Quad<V, T> c4, ref Quad<V, T> c8, ref Quad<V, T> c12)
    {
        V y = T.Load(b);
        c0 = c0.MultiplyAdd(a, 1, y);
        c4 = c4.MultiplyAdd(a + 4, 1, y);
        c8 = c8.MultiplyAdd(a + 8, 1, y);
        c12 = c12.MultiplyAdd(a + 12, 1, y);
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
