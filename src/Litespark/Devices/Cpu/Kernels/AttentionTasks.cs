namespace Litespark.Devices.Cpu.Kernels;

/// <summary>How attention over heads is cut into tasks.</summary>
internal static class AttentionTasks
{
    /// <summary>
    /// Into how many parts to cut each of <paramref name="heads"/> equal pieces of work: one where they divide evenly over the threads
    /// or are many, else so many that no thread idles for long; at most <paramref name="items"/>, what a piece consists of.
    /// </summary>
    public static int Parts(int heads, int items, int threads)
    {
        if (heads % threads == 0 || heads >= 4 * threads) return 1;
        return Math.Min(items, (4 * threads + heads - 1) / heads);
    }
}
