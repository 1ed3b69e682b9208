using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;

namespace Litespark.Tests.Devices.Cpu.Kernels;

/// <summary>Kernels one after the other, as one.</summary>
internal sealed class Sequence(params SimdKernel[] kernels) : SimdKernel(new WorkerPool(1), 0)
{
    protected override ReadOnlySpan<SimdKernel> Stages => kernels;

    public override void Run(WorkerPool pool)
    {
        foreach (SimdKernel kernel in kernels) kernel.Run(pool);
    }

    public override void Dispose()
    {
        foreach (SimdKernel kernel in kernels) kernel.Dispose();
        base.Dispose();
    }

    protected override void RunTask<T>(int task, int worker) => throw new NotSupportedException();
}
