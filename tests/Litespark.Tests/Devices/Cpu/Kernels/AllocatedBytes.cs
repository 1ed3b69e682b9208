using Litespark.Devices.Cpu;

namespace Litespark.Tests.Devices.Cpu.Kernels;

/// <summary>Managed allocation of kernels.</summary>
internal static class AllocatedBytes
{
    /// <summary>
    /// Bytes that running kernels allocates. Other tests and the runtime allocate in the same process, so the least of many runs counts:
    /// an allocation in a kernel would be in all of them.
    /// </summary>
    public static long PerRun(WorkerPool pool, params CpuKernel[] kernels)
    {
        foreach (CpuKernel kernel in kernels) kernel.Run(pool);
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 200 && least > 0; attempt++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            foreach (CpuKernel kernel in kernels) kernel.Run(pool);
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        return least;
    }
}
