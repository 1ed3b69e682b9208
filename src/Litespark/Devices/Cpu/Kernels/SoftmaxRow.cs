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
    const int ChunkElements = 1024;

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
            T shift = T.Broadcast(all.Maximum), exponentials = T.Zero;
            for (int i = start; i < start + length; i += T.Count)
                exponentials += VectorMath.Exp(Lanes.Load<T>(x + i, start + length - i, float.NegativeInfinity) - shift);
            all = all with { Sum = all.Sum + T.Sum(exponentials) };
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
            T shift = T.Broadcast(all.Maximum), exponentials = T.Zero;
            for (int i = start; i < start + length; i += T.Count)
            {
                int rest = start + length - i;
                T exponential = VectorMath.Exp(Lanes.Load<T>(x + i, rest, float.NegativeInfinity) - shift);
                Lanes.Store(exponential, y + i, rest);
                exponentials += exponential;
            }

            all = all with { Sum = all.Sum + T.Sum(exponentials) };
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

    /// <summary>Raises the running maximum to a chunk's and scales the running sum to it.</summary>
    static SoftmaxStatistics Raise<T>(float* x, int count, SoftmaxStatistics all) where T : struct, ISimd<T>
    {
        T largest = T.Broadcast(all.Maximum);
        for (int i = 0; i < count; i += T.Count) largest = T.Max(largest, Lanes.Load<T>(x + i, count - i, float.NegativeInfinity));
        float maximum = T.HorizontalMax(largest);
        return maximum > all.Maximum ? new(maximum, all.Sum * MathF.Exp(all.Maximum - maximum)) : all;
    }
}
