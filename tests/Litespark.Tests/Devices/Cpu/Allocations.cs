using Litespark.Devices.Cpu;

namespace Litespark.Tests.Devices.Cpu;

/// <summary>Managed bytes that runs of kernels allocate once they are warm, on all threads of the pool.</summary>
internal static class Allocations
{
    public static long OfRuns(WorkerPool pool, params CpuKernel[] kernels)
    {
        // Other tests may allocate on their threads meanwhile: the least of many counts, with ever longer pauses between them.
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 100 && least > 0; attempt++)
        {
            Thread.Sleep(attempt);
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < 10; i++)
            {
                foreach (CpuKernel kernel in kernels) kernel.Run(pool);
            }
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        return least;
    }
}
