using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu;

namespace Litespark.Benchmarks.Measuring;

/// <summary>Reads a buffer once, on all threads, and does as good as nothing with it: the roof of whatever reads as many bytes. Four streams, which
/// get more out of the memory than one.</summary>
internal sealed unsafe class ReadSweep : IDisposable, IParallelWork
{
    const int TaskFloats = 1 << 16;

    readonly WorkerPool pool;
    readonly NativeBuffer buffer;
    readonly int tasks;

    /// <summary>A buffer of at least so many bytes.</summary>
    public ReadSweep(WorkerPool pool, double bytes)
    {
        this.pool = pool;
        tasks = Math.Max(1, (int)Math.Ceiling(bytes / (TaskFloats * sizeof(float))));
        buffer = new NativeBuffer((long)tasks * TaskFloats * sizeof(float));
    }

    /// <summary>Bytes that a run reads.</summary>
    public double Bytes => buffer.ByteLength;

    /// <summary>Reads all of it.</summary>
    public void Run() => pool.Run(this, tasks);

    /// <inheritdoc/>
    public void Dispose() => buffer.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void IParallelWork.RunTask(int task, int worker)
    {
        float* p = buffer.Floats + (long)task * TaskFloats;
        Vector<float> a = default, b = default, c = default, d = default;
        const int Quarter = TaskFloats / 4;
        for (int i = 0; i < Quarter; i += Vector<float>.Count)
        {
            a += *(Vector<float>*)(p + i);
            b += *(Vector<float>*)(p + Quarter + i);
            c += *(Vector<float>*)(p + 2 * Quarter + i);
            d += *(Vector<float>*)(p + 3 * Quarter + i);
        }

        // The sums are used, so that the loop cannot be left out.
        if (Vector.Sum(a + b + c + d) == 1) throw new UnreachableException();
    }
}
