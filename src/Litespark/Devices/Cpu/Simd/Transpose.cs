using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>Matrices transposed in square blocks in registers, the core of packing.</summary>
internal static unsafe class Transpose
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    // Floats per cache line, and per page: addresses a page apart share a set of the first cache.
    const int CacheLine = 16, PageFloats = 1024;

    /// <summary>Side of the block: 8 with AVX, else 4.</summary>
    public static int Size { [MethodImpl(Inline)] get => Avx.IsSupported ? 8 : 4; }

    /// <summary>
    /// destination[j·destinationStride + i] = scale · source[i·stride + j] for a strip of rows i &lt; <see cref="Size"/> and
    /// columns j, in ascending blocks of <see cref="Size"/> columns; returns how many columns were whole blocks.
    /// With fewer <paramref name="rows"/> the last one stands in for the missing ones: every store is full.
    /// What lies <paramref name="ahead"/> floats from what is read is fetched (with AVX).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Strip(float* source, nint stride, int rows, int columns, float* destination, nint destinationStride, float scale, nint ahead)
    {
        int last = rows - 1, j = 0;
        float* s0 = source, s1 = source + Math.Min(1, last) * stride, s2 = source + Math.Min(2, last) * stride, s3 = source + Math.Min(3, last) * stride;
        if (Avx.IsSupported)
        {
            float* s4 = source + Math.Min(4, last) * stride, s5 = source + Math.Min(5, last) * stride;
            float* s6 = source + Math.Min(6, last) * stride, s7 = source + Math.Min(7, last) * stride;
            Vector256<float> factor = Vector256.Create(scale);
            for (; j + 8 <= columns; j += 8)
            {
                if (j % CacheLine == 0)
                {
                    nint next = j + ahead;
                    Prefetch.Line(s0 + next); Prefetch.Line(s1 + next); Prefetch.Line(s2 + next); Prefetch.Line(s3 + next);
                    Prefetch.Line(s4 + next); Prefetch.Line(s5 + next); Prefetch.Line(s6 + next); Prefetch.Line(s7 + next);
                }
                // Rows i and i + 4 share a register, so that what remains is two 4 × 4 transposes side by side.
                Lanes(Pair(s0 + j, s4 + j) * factor, Pair(s1 + j, s5 + j) * factor, Pair(s2 + j, s6 + j) * factor, Pair(s3 + j, s7 + j) * factor,
                    destination, destinationStride);
                destination += 4 * destinationStride;
                Lanes(Pair(s0 + j + 4, s4 + j + 4) * factor, Pair(s1 + j + 4, s5 + j + 4) * factor,
                    Pair(s2 + j + 4, s6 + j + 4) * factor, Pair(s3 + j + 4, s7 + j + 4) * factor, destination, destinationStride);
                destination += 4 * destinationStride;
            }
        }
        else
        {
            Vector128<float> factor = Vector128.Create(scale);
            for (; j + 4 <= columns; j += 4)
            {
                Block4(Vector128.Load(s0 + j) * factor, Vector128.Load(s1 + j) * factor, Vector128.Load(s2 + j) * factor, Vector128.Load(s3 + j) * factor,
                    destination, destinationStride);
                destination += 4 * destinationStride;
            }
        }
        return j;
    }

    /// <summary>
    /// As <see cref="Strip"/> for any number of rows, in blocks of sixteen columns with AVX-512 (none without it): rows in groups of four, the last
    /// row standing in for missing ones, so that <paramref name="destinationStride"/> must not be less than the rows rounded up to four.
    /// Transposed four by four, a register's quarters belong to four destinations: only stores are as narrow as that.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int StripOf16Columns(float* source, nint stride, int rows, int columns, float* destination, nint destinationStride, float scale, nint ahead)
    {
        // The second condition is the engine's own: on some processors that have them, registers of 512 bits do not pay.
        if (!Avx512F.IsSupported || !Vector512.IsHardwareAccelerated) return 0;
        Vector512<float> factor = Vector512.Create(scale);
        // Columns further on, if there are any, are fetched into the first cache, unless rows lie whole pages apart: then they share a set there, which has 8 or 12 lines.
        nint columnsAhead = columns < 2 * CacheLine || (stride % PageFloats == 0 && rows > 12) ? 0 : 2 * CacheLine;
        int j = 0;
        for (; j + 16 <= columns; j += 16, destination += 16 * destinationStride)
        {
            float* s = source + j;
            for (int i = 0; i < rows; i += 4, s += 4 * stride)
            {
                int last = rows - 1 - i;
                float* s1 = s + Math.Min(1, last) * stride, s2 = s + Math.Min(2, last) * stride, s3 = s + Math.Min(3, last) * stride;
                Prefetch.Line(s + columnsAhead); Prefetch.Line(s1 + columnsAhead); Prefetch.Line(s2 + columnsAhead); Prefetch.Line(s3 + columnsAhead);
                Prefetch.Nearby(s + ahead, 1); Prefetch.Nearby(s1 + ahead, 1); Prefetch.Nearby(s2 + ahead, 1); Prefetch.Nearby(s3 + ahead, 1);
                Vector512<float> r0 = Vector512.Load(s) * factor, r1 = Vector512.Load(s1) * factor, r2 = Vector512.Load(s2) * factor, r3 = Vector512.Load(s3) * factor;
                Vector512<double> t0 = Avx512F.UnpackLow(r0, r1).AsDouble(), t1 = Avx512F.UnpackHigh(r0, r1).AsDouble();
                Vector512<double> t2 = Avx512F.UnpackLow(r2, r3).AsDouble(), t3 = Avx512F.UnpackHigh(r2, r3).AsDouble();
                // What is written next comes from the second cache too: as many lines per group as fill the next block's.
                float* d = destination + i, next = destination + 16 * destinationStride + 16 * i;
                Prefetch.Line(next); Prefetch.Line(next + 16); Prefetch.Line(next + 32); Prefetch.Line(next + 48);
                Quarters(Avx512F.UnpackLow(t0, t2).AsSingle(), d, destinationStride);
                Quarters(Avx512F.UnpackHigh(t0, t2).AsSingle(), d + destinationStride, destinationStride);
                Quarters(Avx512F.UnpackLow(t1, t3).AsSingle(), d + 2 * destinationStride, destinationStride);
                Quarters(Avx512F.UnpackHigh(t1, t3).AsSingle(), d + 3 * destinationStride, destinationStride);
            }
        }

        return j;
    }

    [MethodImpl(Inline)]
    static void Quarters(Vector512<float> columns, float* d, nint stride)
    {
        columns.GetLower().GetLower().Store(d);
        Avx512F.ExtractVector128(columns, 1).Store(d + 4 * stride);
        Avx512F.ExtractVector128(columns, 2).Store(d + 8 * stride);
        Avx512F.ExtractVector128(columns, 3).Store(d + 12 * stride);
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
