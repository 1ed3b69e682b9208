using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Operations on one row of floats of any length and alignment, in a fixed order of summation.</summary>
internal static unsafe class RowMath<T> where T : struct, ISimd<T>
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    /// <summary>Stands for −∞ where a sum with it must stay finite; its exponential is exactly 0.</summary>
    public const float MinusInfinity = -1e30f;

    /// <summary>Largest element of a row that is not empty.</summary>
    [MethodImpl(Hot)]
    public static float Max(float* row, int length)
    {
        float max = MinusInfinity;
        nint i = 0;
        if (length >= T.Count)
        {
            T m0 = T.Load(row), m1 = m0, m2 = m0, m3 = m0;
            for (; i + 4 * T.Count <= length; i += 4 * T.Count)
            {
                m0 = T.Max(m0, T.Load(row + i));
                m1 = T.Max(m1, T.Load(row + i + T.Count));
                m2 = T.Max(m2, T.Load(row + i + 2 * T.Count));
                m3 = T.Max(m3, T.Load(row + i + 3 * T.Count));
            }

            for (; i + T.Count <= length; i += T.Count) m0 = T.Max(m0, T.Load(row + i));
            max = T.HorizontalMax(T.Max(T.Max(m0, m1), T.Max(m2, m3)));
        }
        for (; i < length; i++) max = MathF.Max(max, row[i]);
        return max;
    }

    /// <summary>Σ a·b.</summary>
    [MethodImpl(Hot)]
    public static float Dot(float* a, float* b, int length)
    {
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero;
        nint i = 0;
        for (; i + 4 * T.Count <= length; i += 4 * T.Count)
        {
            s0 = T.MultiplyAdd(T.Load(a + i), T.Load(b + i), s0);
            s1 = T.MultiplyAdd(T.Load(a + i + T.Count), T.Load(b + i + T.Count), s1);
            s2 = T.MultiplyAdd(T.Load(a + i + 2 * T.Count), T.Load(b + i + 2 * T.Count), s2);
            s3 = T.MultiplyAdd(T.Load(a + i + 3 * T.Count), T.Load(b + i + 3 * T.Count), s3);
        }

        for (; i + T.Count <= length; i += T.Count) s0 = T.MultiplyAdd(T.Load(a + i), T.Load(b + i), s0);
        float total = T.Sum((s0 + s1) + (s2 + s3));
        for (; i < length; i++) total += a[i] * b[i];
        return total;
    }

    /// <summary>destination = factor · source.</summary>
    [MethodImpl(Hot)]
    public static void Scale(float* source, float factor, float* destination, int length)
    {
        T f = T.Broadcast(factor);
        nint i = 0;
        for (; i + T.Count <= length; i += T.Count) T.Store(T.Load(source + i) * f, destination + i);
        for (; i < length; i++) destination[i] = source[i] * factor;
    }

    /// <summary>destination += factor · source.</summary>
    [MethodImpl(Hot)]
    public static void AddScaled(float* source, float factor, float* destination, int length)
    {
        T f = T.Broadcast(factor);
        nint i = 0;
        for (; i + T.Count <= length; i += T.Count) T.Store(T.MultiplyAdd(f, T.Load(source + i), T.Load(destination + i)), destination + i);
        for (; i < length; i++) destination[i] += factor * source[i];
    }

    /// <summary>destination += source.</summary>
    [MethodImpl(Hot)]
    public static void Add(float* source, float* destination, int length)
    {
        nint i = 0;
        for (; i + T.Count <= length; i += T.Count) T.Store(T.Load(destination + i) + T.Load(source + i), destination + i);
        for (; i < length; i++) destination[i] += source[i];
    }

    /// <summary>destination = source, then zeros up to <paramref name="paddedLength"/>.</summary>
    [MethodImpl(Hot)]
    public static void Copy(float* source, float* destination, int length, int paddedLength)
    {
        nint i = 0;
        for (; i + T.Count <= length; i += T.Count) T.Store(T.Load(source + i), destination + i);
        for (; i < length; i++) destination[i] = source[i];
        for (; i < paddedLength; i++) destination[i] = 0;
    }

    /// <summary>destination = e^(scale·source − shift), scale·source ≤ shift; returns the sum. In place allowed. On the way asks for the
    /// row at <paramref name="next"/>, which will be read soon (null: none).</summary>
    [MethodImpl(Hot)]
    public static float ExpSum(float* source, float scale, float shift, float* destination, int length, float* next = null)
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        T s = T.Broadcast(scale * Exp2.Log2E), minusShift = T.Broadcast(-shift * Exp2.Log2E), sum = T.Zero;
        if (next == null) next = source;
        nint i = 0;
        for (; i + T.Count <= length; i += T.Count)
        {
            Prefetch.Register<T>(next + i);
            T e = exp2.Of(T.MultiplyAdd(T.Load(source + i), s, minusShift));
            T.Store(e, destination + i);
            sum += e;
        }
        float total = T.Sum(sum);
        if (i == length) return total;

        // The rest goes through a register of its own: what lies behind the row belongs to another task.
        float* rest = stackalloc float[16];
        for (int j = 0; j < T.Count; j++) rest[j] = i + j < length ? source[i + j] : source[i];
        T.Store(exp2.Of(T.MultiplyAdd(T.Load(rest), s, minusShift)), rest);
        for (int j = 0; i < length; i++, j++)
        {
            destination[i] = rest[j];
            total += rest[j];
        }
        return total;
    }
}
