using System.Runtime.InteropServices;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;

namespace Litespark.Tests.Devices.Cpu.Kernels;

/// <summary>
/// Runs a kernel at every register width and several thread counts: each width's result goes to a check, all thread counts must
/// agree with it bit for bit, nothing beside the operands may change and a run may not allocate.
/// </summary>
internal sealed unsafe class KernelTrial(int seed = 1) : IDisposable
{
    static readonly int[] Widths = [4, 8, 16];
    static readonly int[] ThreadCounts = [1, 2, 3];

    readonly Random random = new(seed);
    readonly List<Operand> operands = [];
    readonly WorkerPool[] pools = [.. ThreadCounts.Select(count => new WorkerPool(count))];

    public Operand New(int rows, int columns, int gap, Func<int, int, float> value)
    {
        operands.Add(new(rows, columns, gap, value));
        return operands[^1];
    }

    /// <summary>Uniform in [-scale, scale).</summary>
    public Operand Random(int rows, int columns, int gap = 0, float scale = 1) => New(rows, columns, gap, (_, _) => Next() * scale);

    /// <summary>Uniform in [0, 1).</summary>
    public Operand Positive(int rows, int columns, int gap = 0) => New(rows, columns, gap, (_, _) => random.NextSingle());

    public Operand Zeros(int rows, int columns, int gap = 0) => New(rows, columns, gap, (_, _) => 0);

    public Operand Scalar(float value) => New(1, 1, 0, (_, _) => value);

    public Operand Integers(params int[] values) => New(1, values.Length, 0, (_, c) => BitConverter.Int32BitsToSingle(values[c]));

    public float Next() => random.NextSingle() * 2 - 1;

    public int NextInteger(int end) => random.Next(end);

    public void Run(Func<WorkerPool, CpuKernel> build, Action check, int runs = 1)
    {
        foreach (int width in Widths)
        {
            List<float[]>? first = null;
            foreach (WorkerPool pool in pools)
            {
                foreach (Operand operand in operands) operand.Restore();
                using CpuKernel kernel = build(pool);
                if (kernel is SimdKernel simd) simd.Width = width;
                for (int i = 0; i < runs; i++) kernel.Run(pool);
                foreach (Operand operand in operands) operand.AssertGuards();
                if (first is null)
                {
                    check();
                    first = [.. operands.Select(operand => operand.All.ToArray())];
                    AssertNoAllocation(kernel, pool);
                }
                else
                {
                    AssertSameBits(first, $"with {pool.ThreadCount} threads at width {width}");
                }
            }
        }
    }

    public void Dispose()
    {
        foreach (WorkerPool pool in pools) pool.Dispose();
        foreach (Operand operand in operands) operand.Dispose();
    }

    void AssertSameBits(List<float[]> first, string where)
    {
        for (int i = 0; i < operands.Count; i++)
        {
            bool same = MemoryMarshal.AsBytes(operands[i].All).SequenceEqual(MemoryMarshal.AsBytes<float>(first[i]));
            Assert.True(same, $"operand {i} differs {where}");
        }
    }

    // With one thread every task runs here, so this thread's own count sees all of them and nothing of other tests.
    static void AssertNoAllocation(CpuKernel kernel, WorkerPool pool)
    {
        long least = long.MaxValue;
        for (int run = 0; run < 20 && least > 0; run++) // the first runs may still compile
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            kernel.Run(pool);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }
}
