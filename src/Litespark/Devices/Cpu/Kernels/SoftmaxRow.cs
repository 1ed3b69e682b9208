using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Softmax statistics of one row of logits in one pass over memory: chunk by chunk (a chunk stays in the first-level cache),
/// the largest logit so far is found and the sum of exponentials is scaled to it (online softmax: Milakov and Gimelshein, 2018).
/// </summary>
internal static unsafe class SoftmaxRow
{
    const int ChunkElements = 1024;

    /// <summary>Chunks of a row: the length of <c>maxima</c> in <see cref="StoreExponentials"/>.</summary>
    public static int ChunkCount(int count) => (count + ChunkElements - 1) / ChunkElements;

    /// <summary>ln Σ e^x[i].</summary>
    public static float LogSumExp<T>(float* x, int count) where T : struct, ISimd<T>
    {
        float max = float.NegativeInfinity, sum = 0;
        for (int start = 0; start < count; start += ChunkElements)
        {
            int length = Math.Min(ChunkElements, count - start);
            Raise<T>(x + start, length, ref max, ref sum);
            T shift = T.Broadcast(max), exponentials = T.Zero;
            for (int i = start; i < start + length; i += T.Count)
                exponentials += VectorMath.Exp(Lanes.Load<T>(x + i, start + length - i, float.NegativeInfinity) - shift);
            sum += T.Sum(exponentials);
        }

        return max + MathF.Log(sum);
    }

    /// <summary>
    /// Replaces x[i] by e^(x[i] − maxima[chunk of i]) and returns ln Σ e^x[i]: a second pass that scales the chunks by
    /// e^(maxima − that) has the softmax without a second exponential per element.
    /// </summary>
    public static float StoreExponentials<T>(float* x, int count, float* y, float* maxima) where T : struct, ISimd<T>
    {
        float max = float.NegativeInfinity, sum = 0;
        for (int start = 0, chunk = 0; start < count; start += ChunkElements, chunk++)
        {
            int length = Math.Min(ChunkElements, count - start);
            Raise<T>(x + start, length, ref max, ref sum);
            maxima[chunk] = max;
            T shift = T.Broadcast(max), exponentials = T.Zero;
            for (int i = start; i < start + length; i += T.Count)
            {
                int rest = start + length - i;
                T exponential = VectorMath.Exp(Lanes.Load<T>(x + i, rest, float.NegativeInfinity) - shift);
                Lanes.Store(exponential, y + i, rest);
                exponentials += exponential;
            }

            sum += T.Sum(exponentials);
        }

        return max + MathF.Log(sum);
    }

    /// <summary>y[i] = scale · softmax(x)[i] from what <see cref="StoreExponentials"/> left.</summary>
    public static void ScaleExponentials<T>(float* y, int count, float* maxima, float logSumExp, float scale) where T : struct, ISimd<T>
    {
        for (int start = 0, chunk = 0; start < count; start += ChunkElements, chunk++)
        {
            float factor = scale * MathF.Exp(maxima[chunk] - logSumExp);
            Elementwise.Scale<T>(y + start, factor, y + start, Math.Min(ChunkElements, count - start));
        }
    }

    /// <summary>Raises the running maximum to a chunk's and the running sum with it.</summary>
    static void Raise<T>(float* x, int count, ref float max, ref float sum) where T : struct, ISimd<T>
    {
        T largest = T.Broadcast(max);
        for (int i = 0; i < count; i += T.Count) largest = T.Max(largest, Lanes.Load<T>(x + i, count - i, float.NegativeInfinity));
        float raised = T.HorizontalMax(largest);
        if (raised > max)
        {
            sum *= MathF.Exp(max - raised);
            max = raised;
        }
    }
}
