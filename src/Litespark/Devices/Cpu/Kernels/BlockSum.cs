using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// A kernel that begins with the sum over a long vector: one fp64 partial per fixed block, then their sum in order.
/// Within a block a few hundred elements at a time are summed in fp32 registers, so no lane adds more than some dozens of terms.
/// A block's four quarters are read side by side: four streams get more out of the memory than one.
/// </summary>
internal abstract unsafe class BlockSum<TTerm> : SimdKernel where TTerm : struct, ITerm
{
    const int ChunkElements = 128;

    readonly float* x;
    readonly Blocks blocks;
    readonly WorkerPool pool;

    protected BlockSum(WorkerPool pool, float* x, long count) : base(pool, new Blocks(count).Count)
    {
        this.x = x;
        blocks = new(count);
        this.pool = pool;
        pool.ReserveSharedScratch((long)blocks.Count * sizeof(double) / sizeof(float));
    }

    double* Partials => (double*)pool.SharedScratch;

    /// <summary>The sum, once the tasks have run.</summary>
    protected double Total
    {
        get
        {
            double sum = 0;
            for (int i = 0; i < blocks.Count; i++) sum += Partials[i];
            return sum;
        }
    }

    protected override void RunTask<T>(int task, int worker)
    {
        float* start = x + Blocks.Start(task);
        int count = blocks.Length(task);
        double sum = 0;
        int quarter = count / 4 / ChunkElements * ChunkElements;
        for (int chunk = 0; chunk < quarter; chunk += ChunkElements)
        {
            // Past the end of a quarter, what comes next is the same quarter of the next block.
            int ahead = chunk + Prefetch.Ahead;
            float* soon = ahead < quarter ? start + ahead : start + count + ahead - quarter;
            sum += RowSums.Sum4<T, TTerm>(start + chunk, quarter, ChunkElements, soon);
        }

        for (int chunk = 4 * quarter; chunk < count; chunk += 4 * ChunkElements)
            sum += RowSums.Sum<T, TTerm>(start + chunk, Math.Min(4 * ChunkElements, count - chunk));
        Partials[task] = sum;
    }
}
