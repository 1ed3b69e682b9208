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
        int i = 0;
        if (length >= T.Count)
        {
            T m = T.Load(row);
            for (i = T.Count; i + T.Count <= length; i += T.Count) m = T.Max(m, T.Load(row + i));
            max = T.HorizontalMax(m);
        }
        for (; i < length; i++) max = MathF.Max(max, row[i]);
        return max;
    }

    /// <summary>Σ a·b.</summary>
    [MethodImpl(Hot)]
    public static float Dot(float* a, float* b, int length)
    {
        T sum = T.Zero;
        int i = 0;
        for (; i + T.Count <= length; i += T.Count) sum = T.MultiplyAdd(T.Load(a + i), T.Load(b + i), sum);
        float total = T.Sum(sum);
        for (; i < length; i++) total += a[i] * b[i];
        return total;
    }

    /// <summary>destination = factor · source.</summary>
    [MethodImpl(Hot)]
    public static void Scale(float* source, float factor, float* destination, int length)
    {
        T f = T.Broadcast(factor);
        int i = 0;
        for (; i + T.Count <= length; i += T.Count) T.Store(T.Load(source + i) * f, destination + i);
        for (; i < length; i++) destination[i] = source[i] * factor;
    }

    /// <summary>destination += source.</summary>
    [MethodImpl(Hot)]
    public static void Add(float* source, float* destination, int length)
    {
        int i = 0;
        for (; i + T.Count <= length; i += T.Count) T.Store(T.Load(destination + i) + T.Load(source + i), destination + i);
        for (; i < length; i++) destination[i] += source[i];
    }

    /// <summary>destination = source, then zeros up to <paramref name="paddedLength"/>.</summary>
    [MethodImpl(Hot)]
    public static void Copy(float* source, float* destination, int length, int paddedLength)
    {
        int i = 0;
        for (; i + T.Count <= length; i += T.Count) T.Store(T.Load(source + i), destination + i);
        for (; i < length; i++) destination[i] = source[i];
        for (; i < paddedLength; i++) destination[i] = 0;
    }

    /// <summary>destination = e^(scale·source − shift); returns the sum. In place allowed.</summary>
    [MethodImpl(Hot)]
    public static float ExpSum(float* source, float scale, float shift, float* destination, int length)
    {
        T s = T.Broadcast(scale), minusShift = T.Broadcast(-shift), sum = T.Zero;
        int i = 0;
        for (; i + T.Count <= length; i += T.Count)
        {
            T e = VectorMath.Exp(T.MultiplyAdd(T.Load(source + i), s, minusShift));
            T.Store(e, destination + i);
            sum += e;
        }
        float total = T.Sum(sum);
        if (i == length) return total;

        // The rest goes through a register of its own: what lies behind the row belongs to another task.
        float* rest = stackalloc float[16];
        for (int j = 0; j < T.Count; j++) rest[j] = i + j < length ? source[i + j] : source[i];
        T.Store(VectorMath.Exp(T.MultiplyAdd(T.Load(rest), s, minusShift)), rest);
        for (int j = 0; i < length; i++, j++)
        {
            destination[i] = rest[j];
            total += rest[j];
        }
        return total;
    }
}
