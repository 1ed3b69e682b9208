using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// What softmax needs of a row x: its maximum and Σ e^(x − maximum). Kept apart, because their combination
/// maximum + ln(sum) loses the small term's digits where the logits are large.
/// </summary>
internal readonly record struct SoftmaxStatistics(float Maximum, float Sum)
{
    /// <summary>ln Σ e^x.</summary>
    public float LogSumExp => Maximum + MathF.Log(Sum);

    /// <summary>Cross-entropy in nats of the element whose logit is given.</summary>
    public float Loss(float logit) => Maximum - logit + MathF.Log(Sum);
}

/// <summary>
/// Softmax statistics of one row of logits in one pass over memory: chunk by chunk (a chunk stays in the first-level cache),
/// the largest logit so far is found and the sum of exponentials is scaled to it (online softmax: Milakov and Gimelshein, 2018).
/// </summary>
internal static unsafe class SoftmaxRow
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;
    const int ChunkElements = 4096;

    /// <summary>Chunks of a row: the length of <c>maxima</c> in <see cref="StoreExponentials"/>.</summary>
    public static int ChunkCount(int count) => (count + ChunkElements - 1) / ChunkElements;

    /// <summary>The statistics alone.</summary>
    public static SoftmaxStatistics Measure<T>(float* x, int count) where T : struct, ISimd<T>
    {
        SoftmaxStatistics all = new(float.NegativeInfinity, 0);
        for (int start = 0; start < count; start += ChunkElements)
        {
            int length = Math.Min(ChunkElements, count - start);
            all = Raise<T>(x + start, length, all);
            all = all with { Sum = all.Sum + SumExponentials<T>(x + start, all.Maximum, length) };
        }

        return all;
    }

    /// <summary>
    /// The statistics, leaving y[i] = e^(x[i] − maxima[chunk of i]): <see cref="ScaleExponentials"/> makes the softmax of them
    /// without a second exponential per element. y may be x.
    /// </summary>
    public static SoftmaxStatistics StoreExponentials<T>(float* x, int count, float* y, float* maxima) where T : struct, ISimd<T>
    {
        SoftmaxStatistics all = new(float.NegativeInfinity, 0);
        for (int start = 0, chunk = 0; start < count; start += ChunkElements, chunk++)
        {
            int length = Math.Min(ChunkElements, count - start);
            all = Raise<T>(x + start, length, all);
            maxima[chunk] = all.Maximum;
            all = all with { Sum = all.Sum + StoreChunk<T>(x + start, all.Maximum, y + start, length) };
        }

        return all;
    }

    /// <summary>y[i] = scale · softmax(x)[i] from what <see cref="StoreExponentials"/> left.</summary>
    public static void ScaleExponentials<T>(float* y, int count, float* maxima, SoftmaxStatistics statistics, float scale)
        where T : struct, ISimd<T>
    {
        for (int start = 0, chunk = 0; start < count; start += ChunkElements, chunk++)
        {
            float factor = scale * MathF.Exp(maxima[chunk] - statistics.Maximum) / statistics.Sum;
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

    /// <summary>Raises the running maximum to a chunk's and scales the running sum to it.</summary>
    static SoftmaxStatistics Raise<T>(float* x, int count, SoftmaxStatistics all) where T : struct, ISimd<T>
    {
        float maximum = Math.Max(all.Maximum, Largest<T>(x, count));
        return maximum > all.Maximum ? new(maximum, all.Sum * MathF.Exp(all.Maximum - maximum)) : all;
    }

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

    /// <summary>Σ e^(x − shift).</summary>
    [MethodImpl(Hot), SkipLocalsInit]
    static float SumExponentials<T>(float* x, float shift, nint count) where T : struct, ISimd<T>
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        T s = T.Broadcast(shift), sum0 = T.Zero, sum1 = T.Zero;
        nint i = 0;
        for (; i <= count - 2 * T.Count; i += 2 * T.Count)
        {
            AskForNext<T>(x + i);
            sum0 += exp2.Exp(T.Load(x + i) - s);
            sum1 += exp2.Exp(T.Load(x + i + T.Count) - s);
        }

        for (; i < count; i += T.Count) sum0 += exp2.Exp(Lanes.Load<T>(x + i, (int)(count - i), float.NegativeInfinity) - s);
        return T.Sum(sum0 + sum1);
    }

    /// <summary>y = e^(x − shift); returns Σ y.</summary>
    [MethodImpl(Hot), SkipLocalsInit]
    static float StoreChunk<T>(float* x, float shift, float* y, nint count) where T : struct, ISimd<T>
    {
        Exp2<T> exp2 = Exp2<T>.Create();
        T s = T.Broadcast(shift), sum0 = T.Zero, sum1 = T.Zero;
        nint i = 0;
        for (; i <= count - 2 * T.Count; i += 2 * T.Count)
        {
            AskForNext<T>(x + i);
            T e0 = exp2.Exp(T.Load(x + i) - s), e1 = exp2.Exp(T.Load(x + i + T.Count) - s);
            T.Store(e0, y + i);
            T.Store(e1, y + i + T.Count);
            sum0 += e0;
            sum1 += e1;
        }

        for (; i < count; i += T.Count)
        {
            int rest = (int)(count - i);
            T e = exp2.Exp(Lanes.Load<T>(x + i, rest, float.NegativeInfinity) - s);
            Lanes.Store(e, y + i, rest);
            sum0 += e;
        }

        return T.Sum(sum0 + sum1);
    }

    /// <summary>Asks for two registers' worth of the next chunk: its maximum is looked for as soon as this one is done.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void AskForNext<T>(float* x) where T : struct, ISimd<T>
    {
        for (int i = 0; i < 2 * T.Count; i += 16) Prefetch.Line(x + ChunkElements + i);
    }
}
