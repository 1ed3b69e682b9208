using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Two or three live blocks of 16 × 16 of a weight gradient that share a line of blocks: Cᵢ[own, other] (+)= Σ_t own[t, own] · otherᵢ[t, other].
/// Eight of the line's columns by a register of each block are a tile, which multiplies twice or three times for every element that it loads; for a
/// single block processors with two wide multipliers would load as often as they multiply, and wait for what is not in the first cache.
/// Sums run over t in ascending order, one fused multiply-add per term, as in <see cref="IBlockGradientTile"/>.
/// </summary>
internal unsafe struct BlockGradientGroup
{
    /// <summary>Side of a block.</summary>
    public const int Side = 16;

    /// <summary>Most blocks.</summary>
    public const int Most = 3;

    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
    const int Half = Side / 2;

    /// <summary>The line's columns, and floats from a token to the next one.</summary>
    public float* Own;

    /// <inheritdoc cref="Own"/>
    public nint OwnStride;

    /// <summary>Each block's columns of the other operand, and floats from a token to the next one.</summary>
    public float* Other0, Other1, Other2;

    /// <inheritdoc cref="Other0"/>
    public nint OtherStride;

    /// <summary>Each block of the gradient, and floats from a row to the next one.</summary>
    public float* C0, C1, C2;

    /// <inheritdoc cref="C0"/>
    public nint Stride;

    /// <summary>What will be read next, laid out like the line's columns.</summary>
    public float* Next;

    /// <summary>Multiplies two or three blocks.</summary>
    public readonly void Multiply(int blocks, int tokens, bool accumulate)
    {
        // Constant distances become parts of addresses.
        bool lines = OwnStride == LineStride.Floats;
        if (lines && OtherStride == LineStride.Floats) Multiply<LineStride, LineStride>(blocks, tokens, accumulate);
        else if (lines) Multiply<LineStride, AnyStride>(blocks, tokens, accumulate);
        else Multiply<AnyStride, AnyStride>(blocks, tokens, accumulate);
    }

    readonly void Multiply<A, B>(int blocks, int tokens, bool accumulate)
        where A : struct, IStride
        where B : struct, IStride
    {
        // Each half asks for the next line of half of the tokens.
        for (int half = 0; half < Side; half += Half)
        {
            nint row = half * Stride;
            float* next = Next + (half == 0 ? 0 : tokens / 2 * OwnStride);
            if (blocks == 2) Two<A, B>(tokens, Own + half, OwnStride, Other0, Other1, OtherStride, C0 + row, C1 + row, Stride, accumulate, next);
            else Three<A, B>(tokens, Own + half, OwnStride, Other0, Other1, Other2, OtherStride, C0 + row, C1 + row, C2 + row, Stride, accumulate, next);
        }
    }

    [MethodImpl(Hot)]
    static void Two<A, B>(int tokens, float* a, nint strideA, float* b0, float* b1, nint strideB, float* c0, float* c1, nint ldc, bool accumulate, float* next)
        where A : struct, IStride
        where B : struct, IStride
    {
        nint lda = A.Of(strideA), ldb = B.Of(strideB);
        Quad<Vector512<float>, Register512> l0 = default, l4 = default, r0 = default, r4 = default;
        for (; tokens > 1; tokens -= 2, a += 2 * lda, b0 += 2 * ldb, b1 += 2 * ldb, next += lda)
        {
            Vector512<float> left = Register512.Load(b0), right = Register512.Load(b1);
            Quad<Vector512<float>, Register512>.MultiplyAdd(a, 1, left, right, ref l0, ref r0);
            Quad<Vector512<float>, Register512>.MultiplyAdd(a + 4, 1, left, right, ref l4, ref r4);
            Prefetch.Line(next);
            left = Register512.Load(b0 + ldb);
            right = Register512.Load(b1 + ldb);
            Quad<Vector512<float>, Register512>.MultiplyAdd(a + lda, 1, left, right, ref l0, ref r0);
            Quad<Vector512<float>, Register512>.MultiplyAdd(a + lda + 4, 1, left, right, ref l4, ref r4);
        }

        if (tokens > 0)
        {
            Vector512<float> left = Register512.Load(b0), right = Register512.Load(b1);
            Quad<Vector512<float>, Register512>.MultiplyAdd(a, 1, left, right, ref l0, ref r0);
            Quad<Vector512<float>, Register512>.MultiplyAdd(a + 4, 1, left, right, ref l4, ref r4);
        }

        l0.Store(c0, ldc, accumulate);
        l4.Store(c0 + 4 * ldc, ldc, accumulate);
        r0.Store(c1, ldc, accumulate);
        r4.Store(c1 + 4 * ldc, ldc, accumulate);
    }

    [MethodImpl(Hot)]
    static void Three<A, B>(int tokens, float* a, nint strideA, float* b0, float* b1, float* b2, nint strideB, float* c0, float* c1, float* c2, nint ldc, bool accumulate, float* next)
        where A : struct, IStride
        where B : struct, IStride
    {
        nint lda = A.Of(strideA), ldb = B.Of(strideB);
        Quad<Vector512<float>, Register512> l0 = default, l4 = default, m0 = default, m4 = default, r0 = default, r4 = default;
        for (; tokens > 1; tokens -= 2, a += 2 * lda, b0 += 2 * ldb, b1 += 2 * ldb, b2 += 2 * ldb, next += lda)
        {
            Vector512<float> left = Register512.Load(b0), middle = Register512.Load(b1), right = Register512.Load(b2);
            Quad<Vector512<float>, Register512>.MultiplyAdd(a, 1, left, middle, right, ref l0, ref m0, ref r0);
            Quad<Vector512<float>, Register512>.MultiplyAdd(a + 4, 1, left, middle, right, ref l4, ref m4, ref r4);
            Prefetch.Line(next);
            left = Register512.Load(b0 + ldb);
            middle = Register512.Load(b1 + ldb);
            right = Register512.Load(b2 + ldb);
            Quad<Vector512<float>, Register512>.MultiplyAdd(a + lda, 1, left, middle, right, ref l0, ref m0, ref r0);
            Quad<Vector512<float>, Register512>.MultiplyAdd(a + lda + 4, 1, left, middle, right, ref l4, ref m4, ref r4);
        }

        if (tokens > 0)
        {
            Vector512<float> left = Register512.Load(b0), middle = Register512.Load(b1), right = Register512.Load(b2);
            Quad<Vector512<float>, Register512>.MultiplyAdd(a, 1, left, middle, right, ref l0, ref m0, ref r0);
            Quad<Vector512<float>, Register512>.MultiplyAdd(a + 4, 1, left, middle, right, ref l4, ref m4, ref r4);
        }

        l0.Store(c0, ldc, accumulate);
        l4.Store(c0 + 4 * ldc, ldc, accumulate);
        m0.Store(c1, ldc, accumulate);
        m4.Store(c1 + 4 * ldc, ldc, accumulate);
        r0.Store(c2, ldc, accumulate);
        r4.Store(c2 + 4 * ldc, ldc, accumulate);
    }

    /// <summary>Exchanges rows and columns of a block where it lies.</summary>
    [SkipLocalsInit]
    public static void Turn(float* block, nint stride)
    {
        float* turned = stackalloc float[Side * Side];
        GemmPack.Transposed(block, stride, Side, Side, Side, turned, scale: 1, ahead: 0);
        for (int row = 0; row < Side; row++) Register512.Store(Register512.Load(turned + row * Side), block + row * stride);
    }
}
