namespace Litespark.Devices.Cpu;

/// <summary>
/// One kernel call, bound to its operands when the plan is loaded; running it allocates nothing.
/// A kernel is a fixed number of tasks whose results do not depend on which worker runs them or in which order:
/// that keeps the loss the same bit for bit for any number of threads. A reduction over tasks goes through
/// partial results of fixed size, summed in a fixed order.
/// </summary>
internal abstract class CpuKernel : IDisposable
{
    /// <summary>Runs the whole kernel on the pool and returns when it is done.</summary>
    public abstract void Run(WorkerPool pool);

    /// <summary>Frees the memory that the kernel itself owns ; most own none.</summary>
    public virtual void Dispose() => GC.SuppressFinalize(this);
}

/// <summary>A parallel loop: <see cref="RunTask"/> is called once for every task number.</summary>
internal interface IParallelWork
{
    /// <summary>Runs one task. <paramref name="worker"/> (0 ≤ worker &lt; pool.ThreadCount) selects private scratch memory only.</summary>
    void RunTask(int task, int worker);
}
