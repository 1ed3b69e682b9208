namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Cuts a long vector into tasks of a fixed length.</summary>
internal readonly struct Blocks(long count)
{
    const int BlockElements = 16 * 1024;

    /// <summary>Number of tasks.</summary>
    public int Count => checked((int)((count + BlockElements - 1) / BlockElements));

    /// <summary>First element of a task.</summary>
    public static long Start(int task) => (long)task * BlockElements;

    /// <summary>Elements of a task.</summary>
    public int Length(int task) => (int)Math.Min(BlockElements, count - Start(task));
}
