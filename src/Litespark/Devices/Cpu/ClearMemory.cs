using System.Runtime.InteropServices;

namespace Litespark.Devices.Cpu;

/// <summary>Zeroes a buffer with all workers, 4 MiB each in turn (two huge pages).</summary>
internal sealed unsafe class ClearMemory(NativeBuffer buffer) : IParallelWork
{
    const long TaskBytes = 4 << 20;

    /// <summary>Zeroes it.</summary>
    public void Run(WorkerPool pool) => pool.Run(this, (int)((buffer.ByteLength + TaskBytes - 1) / TaskBytes));

    /// <inheritdoc/>
    public void RunTask(int task, int worker)
    {
        long start = task * TaskBytes;
        NativeMemory.Clear((byte*)buffer.Pointer + start, (nuint)Math.Min(TaskBytes, buffer.ByteLength - start));
    }
}
