using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// A kernel whose task is written once for every register width. The width is chosen when the kernel is built:
/// a delegate to the instantiation for that width is kept, so that running a task is one indirect call and no look-up.
/// </summary>
internal abstract class SimdKernel : CpuKernel, IParallelWork
{
    readonly int taskCount;
    Action<int, int> runTask = null!;

    /// <summary>Tasks 0 … <paramref name="taskCount"/> − 1; the count follows from the operands' shapes, never from the threads.</summary>
    protected SimdKernel(WorkerPool pool, int taskCount)
    {
        ArgumentNullException.ThrowIfNull(pool);
        this.taskCount = taskCount;
        Width = SimdWidth.Count;
    }

    /// <summary>Floats per register: 16, 8 or 4. By default the machine's; tests run the others.</summary>
    public int Width
    {
        get;
        set
        {
            field = value;
            runTask = value switch { 16 => RunTask<Simd512>, 8 => RunTask<Simd256>, _ => RunTask<Simd128> };
            foreach (SimdKernel stage in Stages) stage.Width = value;
        }
    }

    /// <summary>Kernels that this one runs as further stages; they follow its width.</summary>
    protected virtual ReadOnlySpan<SimdKernel> Stages => [];

    /// <inheritdoc/>
    public override void Run(WorkerPool pool) => pool.RunByParts(this, taskCount);

    void IParallelWork.RunTask(int task, int worker) => runTask(task, worker);

    /// <summary>One task with registers of type <typeparamref name="T"/>; results must not depend on <paramref name="worker"/>.</summary>
    protected abstract void RunTask<T>(int task, int worker) where T : struct, ISimd<T>;
}
