using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace Litespark.Devices.Cpu;

/// <summary>
/// Persistent worker threads for parallel loops; the caller is worker 0. Tasks are handed out dynamically: in order, or each worker's own part first.
/// Workers spin between the kernels of a step (waking a sleeping thread costs about a millisecond) and sleep when idle for longer.
/// One loop runs at a time: a task must not start another on its own pool.
/// </summary>
internal sealed unsafe class WorkerPool : IDisposable
{
    static readonly long SpinTicks = Stopwatch.Frequency / 1000;
    static readonly long PoliteAfterTicks = Stopwatch.Frequency / 50_000;

    readonly Thread[] threads;
    readonly NativeBuffer?[] scratch;
    readonly object gate = new();
    readonly bool crowded;
    NativeBuffer? shared;
    long scratchFloats;

    // The current loop. A worker that holds a task may read these: the loop cannot end before that task is reported.
    IParallelWork? work;
    ExceptionDispatchInfo? error;
    PoolCounters counters;
    readonly TaskParts parts;
    int running;
    int sleeping;
    volatile bool disposed;

    /// <summary>Starts <paramref name="threadCount"/> − 1 threads.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Fewer than one thread.</exception>
    public WorkerPool(int threadCount)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threadCount, 1);
        ThreadCount = threadCount;
        crowded = threadCount > Environment.ProcessorCount;
        scratch = new NativeBuffer?[threadCount];
        parts = new TaskParts(threadCount);
        threads = new Thread[threadCount - 1];
        for (int i = 0; i < threads.Length; i++)
        {
            int worker = i + 1;
            threads[i] = new Thread(() => WorkUntilDisposed(worker)) { IsBackground = true, Name = $"litespark-{worker}" };
            threads[i].Start();
        }
    }

    /// <summary>Number of workers, the caller included.</summary>
    public int ThreadCount { get; }

    /// <summary>Bytes of all scratch memory, private and shared.</summary>
    public long ScratchBytes => scratchFloats * sizeof(float) * ThreadCount + (shared?.ByteLength ?? 0);

    /// <summary>Runs tasks 0 … taskCount − 1, handed out in this order, and returns when all are done. An exception of a task is rethrown here
    /// (the first one; tasks not yet begun are then left out).</summary>
    public void Run(IParallelWork work, int taskCount) => Run(work, taskCount, partCount: 1);

    /// <summary>As <see cref="Run(IParallelWork, int)"/>, for tasks of which each has its own part of some rows, about as long: a worker begins with the
    /// tasks of its own part of the rows, the same ones in every such loop over as many, so that it finds in its caches, and on a machine of several
    /// memories in its own, what it wrote before, and reads long streams. Then it helps the others.</summary>
    public void RunByParts(IParallelWork work, int taskCount) => Run(work, taskCount, ThreadCount);

    void Run(IParallelWork work, int taskCount, int partCount)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (Interlocked.Exchange(ref running, 1) != 0) throw new InvalidOperationException("The pool is already running a loop.");
        try
        {
            if (ThreadCount == 1 || taskCount <= 1)
            {
                for (int task = 0; task < taskCount; task++) work.RunTask(task, worker: 0);
                return;
            }
            this.work = work;
            counters.Unfinished = taskCount;
            parts.Set(taskCount, partCount);
            Interlocked.Increment(ref counters.Generation);
            if (Volatile.Read(ref sleeping) > 0) WakeAll();

            TakeTasks(worker: 0);
            long start = Stopwatch.GetTimestamp();
            while (Volatile.Read(ref counters.Unfinished) != 0) Pause(start);

            this.work = null;
            ExceptionDispatchInfo? thrown = error;
            error = null;
            thrown?.Throw();
        }
        finally
        {
            Volatile.Write(ref running, 0);
        }
    }

    /// <summary>Private scratch memory of a worker, 64-byte aligned, as long as reserved, contents undefined.
    /// Call from the kernel's constructor through <see cref="ReserveScratch"/> first: no allocation happens while running.</summary>
    /// <exception cref="InvalidOperationException">Nothing was reserved.</exception>
    public float* Scratch(int worker) => (scratch[worker] ?? throw NothingReserved()).Floats;

    /// <summary>Scratch memory that all workers see, reserved by <see cref="ReserveSharedScratch"/>; contents undefined, kept within a kernel.</summary>
    /// <exception cref="InvalidOperationException">Nothing was reserved.</exception>
    public float* SharedScratch => (shared ?? throw NothingReserved()).Floats;

    /// <summary>Makes every worker's scratch at least this long (called while kernels are being built, never while one runs).</summary>
    public void ReserveScratch(long floats)
    {
        if (floats <= scratchFloats) return;
        scratchFloats = (floats + 1023) / 1024 * 1024;
        for (int worker = 0; worker < scratch.Length; worker++)
        {
            scratch[worker]?.Dispose();
            scratch[worker] = new NativeBuffer(scratchFloats * sizeof(float), zeroed: false);
        }
    }

    /// <summary>Makes the shared scratch at least this long (called while kernels are being built, never while one runs).</summary>
    public void ReserveSharedScratch(long floats)
    {
        if (shared is not null && floats * sizeof(float) <= shared.ByteLength) return;
        shared?.Dispose();
        shared = new NativeBuffer(floats * sizeof(float), zeroed: false);
    }

    /// <summary>Ends and joins the threads, frees the scratch memory.</summary>
    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        Interlocked.Increment(ref counters.Generation);
        WakeAll();
        foreach (Thread thread in threads) thread.Join();
        foreach (NativeBuffer? buffer in scratch) buffer?.Dispose();
        shared?.Dispose();
    }

    void WorkUntilDisposed(int worker)
    {
        int seen = 0;
        while (true)
        {
            seen = NextGeneration(seen);
            if (disposed) return;
            TakeTasks(worker);
        }
    }

    // A worker that comes late, even into the next loop, gets a valid task of the loop now running or none.
    void TakeTasks(int worker)
    {
        int done = 0;
        for (int task; (task = parts.Take(worker)) >= 0; done++)
        {
            if (error is not null) continue;
            try
            {
                work!.RunTask(task, worker);
            }
#pragma warning disable CA1031 // whatever a task throws belongs to the caller of Run
            catch (Exception exception)
#pragma warning restore CA1031
            {
                Interlocked.CompareExchange(ref error, ExceptionDispatchInfo.Capture(exception), null);
            }
        }
        if (done > 0) Interlocked.Add(ref counters.Unfinished, -done);
    }

    int NextGeneration(int seen)
    {
        int generation;
        long start = Stopwatch.GetTimestamp();
        while ((generation = Volatile.Read(ref counters.Generation)) == seen)
        {
            if (Pause(start) < SpinTicks) continue;
            lock (gate)
            {
                // Announced before the last look: Run looks for sleepers after it has raised the generation.
                Interlocked.Increment(ref sleeping);
                while (Volatile.Read(ref counters.Generation) == seen) Monitor.Wait(gate);
                Interlocked.Decrement(ref sleeping);
            }
        }
        return generation;
    }

    // A short pause, after some microseconds (at once if there are fewer processors than threads) with an offer to other threads.
    long Pause(long start)
    {
        long elapsed = Stopwatch.GetTimestamp() - start;
        if (crowded || elapsed > PoliteAfterTicks) Thread.Yield();
        else Thread.SpinWait(8);
        return elapsed;
    }

    void WakeAll()
    {
        lock (gate) Monitor.PulseAll(gate);
    }

    static InvalidOperationException NothingReserved() => new("A kernel must reserve its scratch memory when it is built.");
}
