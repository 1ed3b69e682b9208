using System.Diagnostics;

namespace Litespark.Devices.Cpu;

/// <summary>Measures how fast all threads together copy memory that fits into no cache.</summary>
internal static class BandwidthProbe
{
    const long Bytes = 64L << 20;
    const int TaskBytes = 1 << 20;
    const int Loops = 3;

    /// <summary>Bytes read plus bytes written per second: the best of a few copies, some 50 ms. Holds 128 MiB meanwhile.</summary>
    public static double Sample(WorkerPool pool)
    {
        using var source = new NativeBuffer(Bytes);
        using var target = new NativeBuffer(Bytes);
        var copy = new Copy(source, target);
        double best = 0;
        for (int i = 0; i < Loops; i++)
        {
            long start = Stopwatch.GetTimestamp();
            pool.Run(copy, (int)(Bytes / TaskBytes));
            best = Math.Max(best, 2.0 * Bytes / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    sealed unsafe class Copy(NativeBuffer source, NativeBuffer target) : IParallelWork
    {
        public void RunTask(int task, int worker)
        {
            long offset = (long)task * TaskBytes;
            Buffer.MemoryCopy((byte*)source.Pointer + offset, (byte*)target.Pointer + offset, TaskBytes, TaskBytes);
        }
    }
}
