using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// What softmax needs of a row x: Σ 2^(x · log₂ e − shift), the shift being about the largest exponent. Kept apart, because their combination
/// (shift + log₂ sum) · ln 2 loses the small term's digits where the logits are large.
/// </summary>
internal readonly record struct SoftmaxStatistics(float Shift, float Sum)
{
    const double Ln2 = 0.693147180559945309;

    /// <summary>ln Σ e^x.</summary>
    public float LogSumExp => (float)(Shift * Ln2 + Math.Log(Sum));

    /// <summary>Cross-entropy in nats of the element whose logit is given.</summary>
    public float Loss(float logit) => (float)((Shift - (double)logit * Exp2.Log2E) * Ln2 + Math.Log(Sum));
}

/// <summary>
/// Softmax of rows of logits in one pass over memory: chunk by chunk, the sum of exponentials being scaled to a larger exponent where one
/// comes (online softmax: Milakov and Gimelshein, 2018). Where exponentials are stored, perhaps over their own logits, the largest element
/// of the next chunk, be it of the next row, is found in the loop over this one: it comes from memory while exponentials are computed, and
/// its second reading is from the first-level cache.
/// </summary>
internal static unsafe class SoftmaxRow
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
    const int ChunkElements = 2048;
    const int GuessElements = 256;

    /// <summary>How far, in powers of two, an element may exceed the shift.</summary>
    const float Headroom = 64;
    const float Ln2 = 0.693147181f;

    /// <summary>Rows of a task at least: only its first one waits for its own first chunk.</summary>
    public const int TaskRows = 4;

    /// <summary>Chunks of a row: the length of <c>shifts</c> in <see cref="StoreExponentials"/>.</summary>
    public static int ChunkCount(int count) => (count + ChunkElements - 1) / ChunkElements;

    /// <summary>The largest element of a row's first chunk, with which a run over rows begins; −∞ where there is none.</summary>
    public static float FirstLargest<T>(float* x, int count) where T : struct, ISimd<T> => Largest<T>(x, Math.Min(ChunkElements, count));

    /// <summary>
    /// The statistics alone, in one stream. The shift is only a guess at the largest exponent, from the row's first elements: a sum of floats
    /// bears any that is not <see cref="Headroom"/> too small, and a chunk that shows it to be is summed again.
    /// </summary>
    public static SoftmaxStatistics Measure<T>(float* x, int count) where T : struct, ISimd<T>
    {
        float shift = float.NegativeInfinity, sum = 0;
        for (int start = 0; start < count; start += ChunkElements)
        {
            float* chunk = x + start;
            int length = Math.Min(ChunkElements, count - start);
            if (float.IsNegativeInfinity(shift)) shift = Largest<T>(chunk, Math.Min(GuessElements, length)) * Exp2.Log2E;
            if (float.IsNegativeInfinity(shift)) shift = Largest<T>(chunk, length) * Exp2.Log2E;
            // Nothing yet is a sum of 0, whatever the shift; a NaN shows all the same.
            float part = Sum<T>(chunk, Finite(shift), length, out float largest), exponent = largest * Exp2.Log2E;
            if (exponent > shift + Headroom)
            {
                sum *= Power(shift - exponent);
                shift = exponent;
                part = Sum<T>(chunk, shift, length, out _);
            }

            sum += part;
        }

        return new(shift, sum);
    }

    /// <summary>
    /// The statistics, leaving y[i] = 2^(x[i] · log₂ e − shifts[chunk of i]): <see cref="ScaleExponentials"/> makes the softmax of them
    /// without a second exponential per element. y may be x.
    /// </summary>
    public static SoftmaxStatistics StoreExponentials<T>(float* x, int count, float* y, float* shifts, float* next, ref float largest) where T : struct, ISimd<T>
    {
        float shift = float.NegativeInfinity, sum = 0;
        for (int start = 0, chunk = 0; start < count; start += ChunkElements, chunk++)
        {
            float exponent = largest * Exp2.Log2E;
            if (exponent > shift)
            {
                sum *= Power(shift - exponent);
                shift = exponent;
            }

            shifts[chunk] = shift;
            int length = Math.Min(ChunkElements, count - start), rest = count - start - length;
            bool last = rest == 0;
            float* ahead = last ? next : x + start + length;
            int aheadLength = ahead == null ? 0 : Math.Min(ChunkElements, last ? count : rest);
            sum += StoreChunk<T>(x + start, Finite(shift), y + start, length, ahead, aheadLength, out largest);
        }

        return new(shift, sum);
    }

    /// <summary>y[i] = scale · softmax(x)[i] from what <see cref="StoreExponentials"/> left.</summary>
    public static void ScaleExponentials<T>(float* y, int count, float* shifts, SoftmaxStatistics statistics, float scale)
        where T : struct, ISimd<T>
    {
        for (int start = 0, chunk = 0; start < count; start += ChunkElements, chunk++)
        {
            float factor = scale * Power(shifts[chunk] - statistics.Shift) / statistics.Sum;
            Elementwise.Scale<T>(y + start, factor, y + start, Math.Min(ChunkElements, count - start));
        }
    }

    /// <summary>y = factor · e^(x − shift).</summary>
    [MethodImpl(Hot), SkipLocalsInit]
    public static void Exponentials<T>(float* x, float shift, float factor, float* y, nint count) where T : struct, ISimd<T>
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        T s = T.Broadcast(shift), f = T.Broadcast(factor);
        nint i = 0;
        for (; i <= count - 2 * T.Count; i += 2 * T.Count)
        {
            T.Store(f * exp2.Exp(T.Load(x + i) - s), y + i);
            T.Store(f * exp2.Exp(T.Load(x + i + T.Count) - s), y + i + T.Count);
        }

        for (; i < count; i += T.Count)
        {
            int rest = (int)(count - i);
            Lanes.Store(f * exp2.Exp(Lanes.Load<T>(x + i, rest) - s), y + i, rest);
        }
    }

    // Before the first element above −∞ any shift will do.
    static float Finite(float shift) => float.IsNegativeInfinity(shift) ? 0 : shift;

    static float Power(float exponent) => exponent == 0 ? 1 : MathF.Exp(exponent * Ln2);

    /// <summary>The largest element; −∞ where there is none.</summary>
    [MethodImpl(Hot), SkipLocalsInit]
    static float Largest<T>(float* x, nint count) where T : struct, ISimd<T>
    {
        T m0 = T.Broadcast(float.NegativeInfinity), m1 = m0, m2 = m0, m3 = m0;
        nint i = 0;
        for (; i <= count - 4 * T.Count; i += 4 * T.Count)
        {
            m0 = T.Max(m0, T.Load(x + i));
            m1 = T.Max(m1, T.Load(x + i + T.Count));
            m2 = T.Max(m2, T.Load(x + i + 2 * T.Count));
            m3 = T.Max(m3, T.Load(x + i + 3 * T.Count));
        }

        for (; i < count; i += T.Count) m0 = T.Max(m0, Lanes.Load<T>(x + i, (int)(count - i), float.NegativeInfinity));
        return T.HorizontalMax(T.Max(T.Max(m0, m1), T.Max(m2, m3)));
    }

    /// <summary>Σ 2^(x · log₂ e − shift), and the largest x (−∞ where there is none).</summary>
    [MethodImpl(Hot), SkipLocalsInit]
    static float Sum<T>(float* x, float shift, nint count, out float largest) where T : struct, ISimd<T>
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        T factor = T.Broadcast(Exp2.Log2E), minusShift = T.Broadcast(-shift), sum = T.Zero, other = T.Zero, maximum = T.Broadcast(float.NegativeInfinity);
        nint i = 0;
        for (; i <= count - 2 * T.Count; i += 2 * T.Count)
        {
            Prefetch.Register<T>(x + 2 * Prefetch.Ahead + i);
            Prefetch.Register<T>(x + 2 * Prefetch.Ahead + i + T.Count);
            T first = T.Load(x + i), second = T.Load(x + i + T.Count);
            maximum = T.Max(maximum, T.Max(first, second));
            sum += exp2.Of(T.MultiplyAdd(first, factor, minusShift));
            other += exp2.Of(T.MultiplyAdd(second, factor, minusShift));
        }

        sum += other;
        for (; i <= count - T.Count; i += T.Count)
        {
            T value = T.Load(x + i);
            maximum = T.Max(maximum, value);
            sum += exp2.Of(T.MultiplyAdd(value, factor, minusShift));
        }

        if (i < count)
        {
            T value = Lanes.Load<T>(x + i, (int)(count - i), float.NegativeInfinity);
            maximum = T.Max(maximum, value);
            sum += exp2.Of(T.MultiplyAdd(value, factor, minusShift));
        }

        largest = T.HorizontalMax(maximum);
        return T.Sum(sum);
    }

    /// <summary>
    /// y = 2^(x · log₂ e − shift); returns the sum, and on the way finds the largest of <paramref name="nextCount"/>
    /// elements at <paramref name="next"/> (−∞ where there are none).
    /// </summary>
    [MethodImpl(Hot), SkipLocalsInit]
    static float StoreChunk<T>(float* x, float shift, float* y, nint count, float* next, nint nextCount, out float largest) where T : struct, ISimd<T>
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        T factor = T.Broadcast(Exp2.Log2E), minusShift = T.Broadcast(-shift), sum = T.Zero, maximum = T.Broadcast(float.NegativeInfinity);
        nint i = 0, common = Math.Min(count, nextCount);
        for (; i <= common - T.Count; i += T.Count)
        {
            Prefetch.Register<T>(next + 2 * Prefetch.Ahead + i);
            maximum = T.Max(maximum, T.Load(next + i));
            T e = exp2.Of(T.MultiplyAdd(T.Load(x + i), factor, minusShift));
            T.Store(e, y + i);
            sum += e;
        }

        for (nint j = i; j < nextCount; j += T.Count) maximum = T.Max(maximum, Lanes.Load<T>(next + j, (int)(nextCount - j), float.NegativeInfinity));
        for (; i < count; i += T.Count)
        {
            int rest = (int)(count - i);
            T e = exp2.Of(T.MultiplyAdd(Lanes.Load<T>(x + i, rest, float.NegativeInfinity), factor, minusShift));
            Lanes.Store(e, y + i, rest);
            sum += e;
        }

        largest = T.HorizontalMax(maximum);
        return T.Sum(sum);
    }
}
