namespace Litespark.Devices.Cpu;

/// <summary>
/// The tasks of a loop that are not yet handed out, in one part or in one for each worker. Each part has a counter of its own, alone in its pair
/// of cache lines, that counts down: one atomic operation decides whether the part has a task left, and which.
/// </summary>
internal sealed class TaskParts(int workers)
{
    // 128 bytes; the first pair of lines is left free, since other objects lie before the array.
    const int Spacing = 32;

    // Below zero once workers have asked in vain.
    readonly int[] remaining = new int[(workers + 2) * Spacing];
    int taskCount, partCount = 1;

    /// <summary>Begins a loop of so many tasks. Nothing of the last one is left then, so that all counters are at zero or below.</summary>
    public void Set(int tasks, int parts)
    {
        (taskCount, partCount) = (tasks, parts);
        for (int part = 0; part < parts; part++) Volatile.Write(ref Remaining(part), EndOf(part) - EndOf(part - 1));
    }

    /// <summary>The next task for a worker: of its own part, then of the others', each in ascending order; −1: none is left. Whoever has a task
    /// may rely on the loop not ending before that task is done.</summary>
    public int Take(int worker)
    {
        // Read once: a worker that comes late may still see the last loop's number, which only decides where it looks.
        int parts = Volatile.Read(ref partCount);
        for (int i = 0; i < parts; i++)
        {
            int part = (worker + i) % parts;
            ref int counter = ref Remaining(part);
            if (Volatile.Read(ref counter) <= 0) continue;
            int left = Interlocked.Decrement(ref counter);
            if (left >= 0) return EndOf(part) - 1 - left;
        }

        return -1;
    }

    int EndOf(int part) => (int)((long)taskCount * (part + 1) / partCount);

    ref int Remaining(int part) => ref remaining[(part + 1) * Spacing];
}
