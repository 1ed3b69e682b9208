using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>Square blocks of floats transposed in registers, the core of packing.</summary>
internal static unsafe class Transpose
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>Side of the block: 8 with AVX, else 4.</summary>
    public static int Size { [MethodImpl(Inline)] get => Avx.IsSupported ? 8 : 4; }

    /// <summary>
    /// destination[j·destinationStride + i] = scale · source[i·stride + j] for i, j &lt; <see cref="Size"/>, j ascending.
    /// With fewer <paramref name="rows"/> than that, the last row stands in for the missing ones; every store is still full.
    /// </summary>
    [MethodImpl(Inline)]
    public static void Block(float* source, nint stride, int rows, float* destination, nint destinationStride, float scale)
    {
        int last = rows - 1;
        if (Avx.IsSupported)
        {
            Block8(source, source + Math.Min(1, last) * stride, source + Math.Min(2, last) * stride, source + Math.Min(3, last) * stride,
                source + Math.Min(4, last) * stride, source + Math.Min(5, last) * stride, source + Math.Min(6, last) * stride,
                source + Math.Min(7, last) * stride, destination, destinationStride, Vector256.Create(scale));
        }
        else
        {
            Vector128<float> s = Vector128.Create(scale);
            Block4(Vector128.Load(source) * s, Vector128.Load(source + Math.Min(1, last) * stride) * s,
                Vector128.Load(source + Math.Min(2, last) * stride) * s, Vector128.Load(source + Math.Min(3, last) * stride) * s,
                destination, destinationStride);
        }
    }

    [MethodImpl(Inline)]
    static void Block8(float* s0, float* s1, float* s2, float* s3, float* s4, float* s5, float* s6, float* s7,
        float* d, nint stride, Vector256<float> scale)
    {
        // Rows i and i + 4 share a register, so that the remaining work is two 4 × 4 transposes side by side.
        Vector256<float> r0 = Pair(s0, s4) * scale, r1 = Pair(s1, s5) * scale, r2 = Pair(s2, s6) * scale, r3 = Pair(s3, s7) * scale;
        Lanes(r0, r1, r2, r3, d, stride);
        r0 = Pair(s0 + 4, s4 + 4) * scale;
        r1 = Pair(s1 + 4, s5 + 4) * scale;
        r2 = Pair(s2 + 4, s6 + 4) * scale;
        r3 = Pair(s3 + 4, s7 + 4) * scale;
        Lanes(r0, r1, r2, r3, d + 4 * stride, stride);
    }

    [MethodImpl(Inline)]
    static Vector256<float> Pair(float* low, float* high) => Avx.InsertVector128(Vector128.Load(low).ToVector256Unsafe(), Vector128.Load(high), 1);

    [MethodImpl(Inline)]
    static void Lanes(Vector256<float> r0, Vector256<float> r1, Vector256<float> r2, Vector256<float> r3, float* d, nint stride)
    {
        Vector256<float> t0 = Avx.UnpackLow(r0, r1), t1 = Avx.UnpackHigh(r0, r1), t2 = Avx.UnpackLow(r2, r3), t3 = Avx.UnpackHigh(r2, r3);
        Avx.Shuffle(t0, t2, 0x44).Store(d);
        Avx.Shuffle(t0, t2, 0xEE).Store(d + stride);
        Avx.Shuffle(t1, t3, 0x44).Store(d + 2 * stride);
        Avx.Shuffle(t1, t3, 0xEE).Store(d + 3 * stride);
    }

    [MethodImpl(Inline)]
    static void Block4(Vector128<float> r0, Vector128<float> r1, Vector128<float> r2, Vector128<float> r3, float* d, nint stride)
    {
        Vector128<float> t0 = ZipLow(r0, r2), t1 = ZipHigh(r0, r2), t2 = ZipLow(r1, r3), t3 = ZipHigh(r1, r3);
        ZipLow(t0, t2).Store(d);
        ZipHigh(t0, t2).Store(d + stride);
        ZipLow(t1, t3).Store(d + 2 * stride);
        ZipHigh(t1, t3).Store(d + 3 * stride);
    }

    // a0 b0 a1 b1
    [MethodImpl(Inline)]
    static Vector128<float> ZipLow(Vector128<float> a, Vector128<float> b)
        => Sse.IsSupported ? Sse.UnpackLow(a, b)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b)
        : Vector128.Create(a[0], b[0], a[1], b[1]);

    // a2 b2 a3 b3
    [MethodImpl(Inline)]
    static Vector128<float> ZipHigh(Vector128<float> a, Vector128<float> b)
        => Sse.IsSupported ? Sse.UnpackHigh(a, b)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b)
        : Vector128.Create(a[2], b[2], a[3], b[3]);
}
