using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>6 or 4 rows × 2 registers: the 16 rows of a block are 6 + 6 + 4.</summary>
internal readonly unsafe struct BlockGradientTile6<V, T> : IBlockGradientTile
    where V : struct
    where T : struct, IRegister<V>
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <inheritdoc/>
    public static int Columns { [MethodImpl(Inline)] get => 2 * T.Count; }

    /// <inheritdoc/>
    public static bool Groups => false;

    /// <inheritdoc/>
    public static void Multiply(int rows, nint tokens, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate, float* next, nint step)
    {
        // Constant distances become parts of addresses.
        bool lines = lda == LineStride.Floats;
        if (lines && ldb == LineStride.Floats) Multiply<LineStride, LineStride>(rows, tokens, a, lda, b, ldb, c, ldc, accumulate, next, step);
        else if (lines) Multiply<LineStride, AnyStride>(rows, tokens, a, lda, b, ldb, c, ldc, accumulate, next, step);
        else Multiply<AnyStride, AnyStride>(rows, tokens, a, lda, b, ldb, c, ldc, accumulate, next, step);
    }

    static void Multiply<A, B>(int rows, nint tokens, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate, float* next, nint step)
        where A : struct, IStride
        where B : struct, IStride
    {
        // 16 is 6 + 6 + 4, 12 is 6 + 6, 8 is 4 + 4. The first six ask for what is read next.
        for (int sixes = rows >= 12 ? 2 : 0; sixes > 0; sixes--, rows -= 6, a += 6, c += 6 * ldc)
        {
            if (sixes == 2) Rows6Ahead<A, B>(tokens, a, lda, b, ldb, c, ldc, accumulate, next, step);
            else Rows6<A, B>(tokens, a, lda, b, ldb, c, ldc, accumulate);
        }

        for (; rows > 0; rows -= 4, a += 4, c += 4 * ldc) Rows4<A, B>(tokens, a, lda, b, ldb, c, ldc, accumulate);
    }

    [MethodImpl(Hot)]
    static void Rows6Ahead<A, B>(nint tokens, float* a, nint strideA, float* b, nint strideB, float* c, nint ldc, bool accumulate, float* next, nint step)
        where A : struct, IStride
        where B : struct, IStride
    {
        nint lda = A.Of(strideA), ldb = B.Of(strideB);
        Pair<V, T> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
        for (; tokens > 3; tokens -= 4, a += 4 * lda, b += 4 * ldb, next += 4 * step)
        {
            SixRows<V, T>.AddColumn(a, 0, b, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            Prefetch.Line(next);
            Prefetch.Line(next + step);
            SixRows<V, T>.AddColumn(a, lda, b, ldb, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            SixRows<V, T>.AddColumn(a, 2 * lda, b, 2 * ldb, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            Prefetch.Line(next + 2 * step);
            Prefetch.Line(next + 3 * step);
            SixRows<V, T>.AddColumn(a, 3 * lda, b, 3 * ldb, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
        }

        for (; tokens > 0; tokens--, a += lda, b += ldb) SixRows<V, T>.AddColumn(a, 0, b, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
        SixRows<V, T>.Store(accumulate ? TileStore.Add : TileStore.Replace, c, ldc, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
    }

    [MethodImpl(Hot)]
    static void Rows6<A, B>(nint tokens, float* a, nint strideA, float* b, nint strideB, float* c, nint ldc, bool accumulate)
        where A : struct, IStride
        where B : struct, IStride
    {
        nint lda = A.Of(strideA), ldb = B.Of(strideB);
        Pair<V, T> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
        for (; tokens > 3; tokens -= 4, a += 4 * lda, b += 4 * ldb)
        {
            SixRows<V, T>.AddColumn(a, 0, b, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            SixRows<V, T>.AddColumn(a, lda, b, ldb, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            SixRows<V, T>.AddColumn(a, 2 * lda, b, 2 * ldb, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            SixRows<V, T>.AddColumn(a, 3 * lda, b, 3 * ldb, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
        }

        for (; tokens > 0; tokens--, a += lda, b += ldb) SixRows<V, T>.AddColumn(a, 0, b, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
        SixRows<V, T>.Store(accumulate ? TileStore.Add : TileStore.Replace, c, ldc, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
    }

    [MethodImpl(Hot)]
    static void Rows4<A, B>(nint tokens, float* a, nint strideA, float* b, nint strideB, float* c, nint ldc, bool accumulate)
        where A : struct, IStride
        where B : struct, IStride
    {
        nint lda = A.Of(strideA), ldb = B.Of(strideB);
        Pair<V, T> c0 = default, c1 = default, c2 = default, c3 = default;
        for (; tokens > 3; tokens -= 4, a += 4 * lda, b += 4 * ldb)
        {
            Step(a, b, ref c0, ref c1, ref c2, ref c3);
            Step(a + lda, b + ldb, ref c0, ref c1, ref c2, ref c3);
            Step(a + 2 * lda, b + 2 * ldb, ref c0, ref c1, ref c2, ref c3);
            Step(a + 3 * lda, b + 3 * ldb, ref c0, ref c1, ref c2, ref c3);
        }

        for (; tokens > 0; tokens--, a += lda, b += ldb) Step(a, b, ref c0, ref c1, ref c2, ref c3);
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

    [MethodImpl(Inline)]
    static void Step(float* a, float* b, ref Pair<V, T> c0, ref Pair<V, T> c1, ref Pair<V, T> c2, ref Pair<V, T> c3)
    {
        V b0 = T.Load(b), b1 = T.Load(b + T.Count);
        c0.MultiplyAdd(a[0], b0, b1);
        c1.MultiplyAdd(a[1], b0, b1);
        c2.MultiplyAdd(a[2], b0, b1);
        c3.MultiplyAdd(a[3], b0, b1);
    }
}
