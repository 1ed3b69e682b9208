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

/// <summary>
/// A kernel that begins with the sum over a long vector: one fp64 partial per fixed block, then their sum in order.
/// Within a block a few hundred elements at a time are summed in fp32 registers, so no lane adds more than some dozens of terms.
/// </summary>
internal abstract unsafe class BlockSum<TTerm> : SimdKernel where TTerm : struct, ITerm
{
    const int ChunkElements = 512;

    readonly float* x;
    readonly Blocks blocks;
    readonly WorkerPool pool;

    protected BlockSum(WorkerPool pool, float* x, long count) : base(pool, new Blocks(count).Count)
    {
        this.x = x;
        blocks = new(count);
        this.pool = pool;
        pool.ReserveSharedScratch((long)blocks.Count * sizeof(double) / sizeof(float));
    }

    double* Partials => (double*)pool.SharedScratch;

    /// <summary>The sum, once the tasks have run.</summary>
    protected double Total
    {
        get
        {
            double sum = 0;
            for (int i = 0; i < blocks.Count; i++) sum += Partials[i];
            return sum;
        }
    }

    protected override void RunTask<T>(int task, int worker)
    {
        float* start = x + Blocks.Start(task);
        int count = blocks.Length(task);
        double sum = 0;
        for (int chunk = 0; chunk < count; chunk += ChunkElements)
        {
            int end = Math.Min(chunk + ChunkElements, count);
            T even = T.Zero, odd = T.Zero;
            for (int i = chunk; i < end; i += 2 * T.Count)
            {
                even = TTerm.Add(even, Lanes.Load<T>(start + i, end - i));
                if (i + T.Count < end) odd = TTerm.Add(odd, Lanes.Load<T>(start + i + T.Count, end - i - T.Count));
            }

            sum += T.Sum(even + odd);
        }

        Partials[task] = sum;
    }
}
