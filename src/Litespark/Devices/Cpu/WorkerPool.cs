namespace Litespark.Devices.Cpu;

/// <summary>
/// Persistent worker threads for parallel loops; the caller is worker 0. Tasks are handed out in order, dynamically.
/// Workers spin between the kernels of a step (waking a sleeping thread costs about a millisecond) and sleep when idle for longer.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    NativeBuffer? scratch;

    /// <summary>Starts <paramref name="threadCount"/> − 1 threads.</summary>
    public WorkerPool(int threadCount) => ThreadCount = threadCount;

    /// <summary>Number of workers, the caller included.</summary>
    public int ThreadCount { get; }

    /// <summary>Runs tasks 0 … taskCount − 1 and returns when all are done. An exception of a task is rethrown here.</summary>
    public void Run(IParallelWork work, int taskCount)
    {
        for (int task = 0; task < taskCount; task++) work.RunTask(task, ThreadCount - ThreadCount);
    }

    /// <summary>Private scratch memory of a worker, 64-byte aligned, as long as reserved, contents undefined.
    /// Call from the kernel's constructor through <see cref="ReserveScratch"/> first: no allocation happens while running.</summary>
    public float* Scratch(int worker) => scratch is null ? throw new NotSupportedException() : scratch.Floats;

    /// <summary>Makes every worker's scratch at least this long (called while kernels are being built, never while one runs).</summary>
    public void ReserveScratch(long floats) => scratch = new NativeBuffer(floats * sizeof(float));

    /// <inheritdoc/>
    public void Dispose() => scratch?.Dispose();
}
