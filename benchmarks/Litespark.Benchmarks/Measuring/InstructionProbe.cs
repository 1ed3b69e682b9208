using System.Diagnostics;
using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Benchmarks.Measuring;

/// <summary>
/// How many vector instructions of arithmetic a machine does in a second at most: as many multiply-adds as additions, on registers
/// alone, on all threads of a pool at once. Where additions have units of their own that is more than the FMA peak gives; so
/// the roof made of it is rather too high than too low.
/// </summary>
internal sealed class InstructionProbe
{
    const int Loops = 4, TasksPerThread = 64, StepsPerTask = 4096, Each = 7;

    readonly IParallelWork work = SimdWidth.Count switch { 16 => new Mix<Simd512>(), 8 => new Mix<Simd256>(), _ => new Mix<Simd128>() };

    /// <summary>Instructions a second of the whole pool, each on <see cref="SimdWidth.Count"/> floats; the best of some milliseconds.</summary>
    public double Sample(WorkerPool pool)
    {
        int tasks = pool.ThreadCount * TasksPerThread;
        pool.Run(work, tasks);
        double best = 0;
        for (int i = 0; i < Loops; i++)
        {
            long start = Stopwatch.GetTimestamp();
            pool.Run(work, tasks);
            best = Math.Max(best, 2.0 * Each * StepsPerTask * tasks / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    sealed class Mix<T> : IParallelWork where T : struct, ISimd<T>
    {
        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void RunTask(int task, int worker)
        {
            // Fourteen chains, each shorter than the instructions between two of its own; with the two constants sixteen registers.
            T half = T.Broadcast(0.5f), one = T.Broadcast(1f);
            T p0 = one, p1 = one, p2 = one, p3 = one, p4 = one, p5 = one, p6 = one, s0 = half, s1 = half, s2 = half, s3 = half, s4 = half, s5 = half, s6 = half;
            for (int i = 0; i < StepsPerTask; i++)
            {
                p0 = T.MultiplyAdd(p0, half, one);
                s0 += one;
                p1 = T.MultiplyAdd(p1, half, one);
                s1 += one;
                p2 = T.MultiplyAdd(p2, half, one);
                s2 += one;
                p3 = T.MultiplyAdd(p3, half, one);
                s3 += one;
                p4 = T.MultiplyAdd(p4, half, one);
                s4 += one;
                p5 = T.MultiplyAdd(p5, half, one);
                s5 += one;
                p6 = T.MultiplyAdd(p6, half, one);
                s6 += one;
            }

            // The sums are used, so that the loop cannot be left out.
            T sum = p0 + p1 + p2 + p3 + p4 + p5 + p6 + s0 + s1 + s2 + s3 + s4 + s5 + s6;
            if (T.Sum(sum) == float.MaxValue) throw new UnreachableException();
        }
    }
}
