using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>A kernel whose tasks write their results past the caches where that pays: its loops are compiled for both ways.</summary>
internal abstract class ResultKernel(WorkerPool pool, int taskCount, bool streams) : SimdKernel(pool, taskCount)
{
    /// <summary>Whether results, which are whole cache lines then, go past the caches. Tests have small ones go there too.</summary>
    public bool Streams { get; set; } = streams;

    protected sealed override void RunTask<T>(int task, int worker)
    {
        if (!Streams)
        {
            Run<T, CachedResult>(task);
            return;
        }

        Run<T, StreamedResult>(task);
        StreamingStores.Finish();
    }

    /// <summary>One task, which writes its results by <typeparamref name="TResult"/>.</summary>
    protected abstract void Run<T, TResult>(int task) where T : struct, ISimd<T> where TResult : struct, IResult;
}
