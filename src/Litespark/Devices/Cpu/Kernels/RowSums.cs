using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>A term of a sum.</summary>
internal interface ITerm
{
    /// <summary>sum + term(x).</summary>
    static abstract T Add<T>(T sum, T x) where T : struct, ISimd<T>;
}

/// <summary>x.</summary>
internal readonly struct PlainTerm : ITerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Add<T>(T sum, T x) where T : struct, ISimd<T> => sum + x;
}

/// <summary>x².</summary>
internal readonly struct SquareTerm : ITerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Add<T>(T sum, T x) where T : struct, ISimd<T> => T.MultiplyAdd(x, x, sum);
}

/// <summary>|x|.</summary>
internal readonly struct AbsoluteTerm : ITerm
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Add<T>(T sum, T x) where T : struct, ISimd<T> => sum + T.Max(x, T.Zero - x);
}

/// <summary>
/// Sums over a row in a fixed order. Four registers take turns: one alone would wait for its own addition, three or four cycles,
/// before the next.
/// </summary>
internal static unsafe class RowSums
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    // Floats per cache line.
    const int CacheLine = 16;

    /// <summary>Σ term(x).</summary>
    public static float Sum<T, TTerm>(float* x, nint count) where T : struct, ISimd<T> where TTerm : struct, ITerm => Sum<T, TTerm>(x, null, count);

    /// <summary>Σ term(x); on the way asks for the row at <paramref name="soon"/>, which will be written soon (null: none).</summary>
    [MethodImpl(Hot), SkipLocalsInit]
    public static float Sum<T, TTerm>(float* x, float* soon, nint count) where T : struct, ISimd<T> where TTerm : struct, ITerm
    {
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
        nint i = 0;
        for (; i <= count - 4 * T.Count; i += 4 * T.Count)
        {
            if (soon != null) Prefetch.Nearby(soon + i, 4 * T.Count);
            s0 = TTerm.Add(s0, T.Load(x + i));
            s1 = TTerm.Add(s1, T.Load(x + i + T.Count));
            s2 = TTerm.Add(s2, T.Load(x + i + 2 * T.Count));
            s3 = TTerm.Add(s3, T.Load(x + i + 3 * T.Count));
        }

        for (; i < count; i += T.Count) s0 = TTerm.Add(s0, Lanes.Load<T>(x + i, (int)(count - i)));
        return T.Sum((s0 + s1) + (s2 + s3));
    }

    /// <summary>
    /// Σ term of count elements each of x, x + stride, x + 2 stride and x + 3 stride; count is a multiple of every register's length. On the way asks
    /// for as many at <paramref name="soon"/>, just as far apart.
    /// </summary>
    [MethodImpl(Hot)]
    public static float Sum4<T, TTerm>(float* x, nint stride, nint count, float* soon) where T : struct, ISimd<T> where TTerm : struct, ITerm
    {
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
        for (nint i = 0; i < count; i += T.Count)
        {
            if (i % CacheLine == 0)
            {
                Prefetch.Nearby(soon + i, CacheLine);
                Prefetch.Nearby(soon + stride + i, CacheLine);
                Prefetch.Nearby(soon + 2 * stride + i, CacheLine);
                Prefetch.Nearby(soon + 3 * stride + i, CacheLine);
            }

            s0 = TTerm.Add(s0, T.Load(x + i));
            s1 = TTerm.Add(s1, T.Load(x + stride + i));
            s2 = TTerm.Add(s2, T.Load(x + 2 * stride + i));
            s3 = TTerm.Add(s3, T.Load(x + 3 * stride + i));
        }

        return T.Sum((s0 + s1) + (s2 + s3));
    }

    /// <summary>Σ (x − center)².</summary>
    [MethodImpl(Hot), SkipLocalsInit]
    public static float SquaredDeviations<T>(float* x, float center, nint count) where T : struct, ISimd<T>
    {
        T c = T.Broadcast(center), s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
        nint i = 0;
        for (; i <= count - 4 * T.Count; i += 4 * T.Count)
        {
            s0 = SquareTerm.Add(s0, T.Load(x + i) - c);
            s1 = SquareTerm.Add(s1, T.Load(x + i + T.Count) - c);
            s2 = SquareTerm.Add(s2, T.Load(x + i + 2 * T.Count) - c);
            s3 = SquareTerm.Add(s3, T.Load(x + i + 3 * T.Count) - c);
        }

        for (; i < count; i += T.Count) s0 = SquareTerm.Add(s0, Lanes.Load<T>(x + i, (int)(count - i), center) - c);
        return T.Sum((s0 + s1) + (s2 + s3));
    }

    /// <summary>sum = x + y; returns Σ term(sum); on the way asks for the row at <paramref name="soon"/>, which will be written soon (null: none).</summary>
    [MethodImpl(Hot), SkipLocalsInit]
    public static float AddAndSum<T, TTerm>(float* x, float* y, float* sum, float* soon, nint count) where T : struct, ISimd<T> where TTerm : struct, ITerm
    {
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
        nint i = 0;
        for (; i <= count - 4 * T.Count; i += 4 * T.Count)
        {
            if (soon != null) Prefetch.Nearby(soon + i, 4 * T.Count);
            s0 = TTerm.Add(s0, Add<T>(x + i, y + i, sum + i, T.Count));
            s1 = TTerm.Add(s1, Add<T>(x + i + T.Count, y + i + T.Count, sum + i + T.Count, T.Count));
            s2 = TTerm.Add(s2, Add<T>(x + i + 2 * T.Count, y + i + 2 * T.Count, sum + i + 2 * T.Count, T.Count));
            s3 = TTerm.Add(s3, Add<T>(x + i + 3 * T.Count, y + i + 3 * T.Count, sum + i + 3 * T.Count, T.Count));
        }

        for (; i < count; i += T.Count) s0 = TTerm.Add(s0, Add<T>(x + i, y + i, sum + i, (int)(count - i)));
        return T.Sum((s0 + s1) + (s2 + s3));
    }

    /// <summary>Σ a·b·c; on the way asks for the row at <paramref name="soon"/>, which will be written soon (null: none).</summary>
    [MethodImpl(Hot), SkipLocalsInit]
    public static float TripleDot<T>(float* a, float* b, float* c, float* soon, nint count) where T : struct, ISimd<T>
    {
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
        nint i = 0;
        for (; i <= count - 4 * T.Count; i += 4 * T.Count)
        {
            if (soon != null) Prefetch.Nearby(soon + i, 4 * T.Count);
            s0 = T.MultiplyAdd(T.Load(a + i) * T.Load(b + i), T.Load(c + i), s0);
            s1 = T.MultiplyAdd(T.Load(a + i + T.Count) * T.Load(b + i + T.Count), T.Load(c + i + T.Count), s1);
            s2 = T.MultiplyAdd(T.Load(a + i + 2 * T.Count) * T.Load(b + i + 2 * T.Count), T.Load(c + i + 2 * T.Count), s2);
            s3 = T.MultiplyAdd(T.Load(a + i + 3 * T.Count) * T.Load(b + i + 3 * T.Count), T.Load(c + i + 3 * T.Count), s3);
        }

        for (; i < count; i += T.Count)
        {
            int rest = (int)(count - i);
            s0 = T.MultiplyAdd(Lanes.Load<T>(a + i, rest) * Lanes.Load<T>(b + i, rest), Lanes.Load<T>(c + i, rest), s0);
        }

        return T.Sum((s0 + s1) + (s2 + s3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Add<T>(float* x, float* y, float* sum, int rest) where T : struct, ISimd<T>
    {
        T value = Lanes.Load<T>(x, rest) + Lanes.Load<T>(y, rest);
        Lanes.Store(value, sum, rest);
        return value;
    }
}
