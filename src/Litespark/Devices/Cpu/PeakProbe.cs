using System.Diagnostics;
using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu;

/// <summary>
/// Measures what the processor can do at most: fused multiply-adds on registers alone, on all threads of a pool at once, or on one.
/// The figure swings with the clock and with what else the machine does, so it is sampled around every timed window.
/// </summary>
internal sealed class PeakProbe
{
    const int Loops = 4;
    const int TasksPerThread = 64;

    // Short tasks, so that threads end a loop within some 20 µs of each other.
    const int StepsPerTask = 8192;

    readonly IParallelWork work;
    readonly double flopsPerTask;

    /// <summary>A probe of the register width that the kernels use here.</summary>
    public PeakProbe() : this(SimdWidth.Count) { }

    /// <summary>A probe of 4, 8 or 16 floats per register.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Another width.</exception>
    public PeakProbe(int width)
    {
        work = width switch
        {
            4 => new MultiplyAdds<Simd128>(),
            8 => new MultiplyAdds<Simd256>(),
            16 => new MultiplyAdds<Simd512>(),
            _ => throw new ArgumentOutOfRangeException(nameof(width)),
        };
        flopsPerTask = 2.0 * width * MultiplyAdds<Simd128>.Accumulators * StepsPerTask;
    }

    /// <summary>Peak of the whole pool in FLOP/s (a multiply-add is two), from about 5 ms; allocates nothing.</summary>
    public double Sample(WorkerPool pool)
    {
        // Wakes the workers and, the first time, compiles the loop.
        pool.Run(work, pool.ThreadCount * TasksPerThread / 4);
        double best = 0;
        int tasks = pool.ThreadCount * TasksPerThread;
        for (int i = 0; i < Loops; i++)
        {
            long start = Stopwatch.GetTimestamp();
            pool.Run(work, tasks);
            best = Math.Max(best, tasks * flopsPerTask / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return best;
    }

    /// <summary>What the calling thread does in FLOP/s, from some 20 µs.</summary>
    public double SampleThread()
    {
        long start = Stopwatch.GetTimestamp();
        work.RunTask(0, 0);
        return flopsPerTask / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    sealed class MultiplyAdds<T> : IParallelWork where T : struct, ISimd<T>
    {
        // Enough to hide a latency of four or five cycles on two units, few enough for sixteen registers.
        public const int Accumulators = 12;

        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public unsafe void RunTask(int task, int worker)
        {
            T factor = T.Broadcast(0.5f), term = T.Broadcast(1f);
            T c0 = term, c1 = term, c2 = term, c3 = term, c4 = term, c5 = term, c6 = term, c7 = term, c8 = term, c9 = term, cA = term, cB = term;
            for (int i = 0; i < StepsPerTask; i++)
            {
                c0 = T.MultiplyAdd(c0, factor, term);
                c1 = T.MultiplyAdd(c1, factor, term);
                c2 = T.MultiplyAdd(c2, factor, term);
                c3 = T.MultiplyAdd(c3, factor, term);
                c4 = T.MultiplyAdd(c4, factor, term);
                c5 = T.MultiplyAdd(c5, factor, term);
                c6 = T.MultiplyAdd(c6, factor, term);
                c7 = T.MultiplyAdd(c7, factor, term);
                c8 = T.MultiplyAdd(c8, factor, term);
                c9 = T.MultiplyAdd(c9, factor, term);
                cA = T.MultiplyAdd(cA, factor, term);
                cB = T.MultiplyAdd(cB, factor, term);
            }
            // The sums are used, so that the loop cannot be left out.
            T sum = c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8 + c9 + cA + cB;
            if (T.Sum(sum) == float.MaxValue) throw new UnreachableException();
        }
    }
}
