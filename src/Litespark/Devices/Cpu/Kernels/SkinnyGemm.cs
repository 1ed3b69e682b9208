using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The product with at most <see cref="MostRows"/> rows of A (one token of a decoder, a few sequences): it is bound by reading
/// the weights B, so they are read once, unpacked, from end to end.
/// B transposed ([N, K]): dot products of four rows at a time. B not transposed ([K, N]): four rows at a time are scaled and
/// added to the columns of a task. Tasks are ranges of columns of C; their cut changes no bits.
/// </summary>
internal sealed unsafe class SkinnyGemm<T> : CpuKernel, IParallelWork where T : struct, ISimd<T>
{
    /// <summary>Rows of op(A) up to which this is faster than packing.</summary>
    public const int MostRows = 4;

    const int Quad = 4;
    const int LongestTask = 1024;

    readonly GemmProblem problem;
    readonly int taskColumns;
    WorkerPool? pool;
    Matrix a;

    public SkinnyGemm(WorkerPool pool, in GemmProblem problem)
    {
        this.problem = problem;
        a = problem.A;
        // About four tasks per thread, of whole cache lines of C and of at least 256 bytes of a row of B.
        int wanted = (problem.N + 4 * pool.ThreadCount - 1) / (4 * pool.ThreadCount);
        taskColumns = Math.Clamp((wanted + 15) / 16 * 16, problem.TransposeB ? 16 : 64, LongestTask);
        pool.ReserveScratch((long)problem.M * taskColumns);
        if (problem.TransposeA) pool.ReserveSharedScratch((long)problem.M * problem.K);
    }

    /// <inheritdoc/>
    public override void Run(WorkerPool pool)
    {
        this.pool = pool;
        if (problem.TransposeA)
        {
            a = new Matrix(pool.SharedScratch, problem.M, problem.K);
            for (int m = 0; m < problem.M; m++)
            {
                for (int k = 0; k < problem.K; k++) a.Row(m)[k] = problem.A.Row(k)[m];
            }
        }
        pool.Run(this, (problem.N + taskColumns - 1) / taskColumns);
    }

    /// <inheritdoc/>
    public void RunTask(int task, int worker)
    {
        int from = task * taskColumns, columns = Math.Min(taskColumns, problem.N - from);
        if (problem.TransposeB) DotProducts(from, columns);
        else ScaledRows(from, columns, pool!.Scratch(worker));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void DotProducts(int from, int columns)
    {
        int end = from + columns;
        float* dots = stackalloc float[Quad];
        // Four rows a quarter of the task apart: four long streams, which the hardware sees coming, where neighbouring rows would be
        // four short ones. The last row stands in for missing ones; the four stay in the first cache for the further rows of A.
        int quarter = (columns + Quad - 1) / Quad;
        for (int n = from; n < from + quarter; n++)
        {
            float* b0 = problem.B.Row(n), b1 = problem.B.Row(Math.Min(n + quarter, end - 1));
            float* b2 = problem.B.Row(Math.Min(n + 2 * quarter, end - 1)), b3 = problem.B.Row(Math.Min(n + 3 * quarter, end - 1));
            for (int m = 0; m < problem.M; m++)
            {
                Dots(a.Row(m), b0, b1, b2, b3, problem.K, dots);
                for (int i = 0, column = n; i < Quad && column < end; i++, column += quarter) Finish(problem.C.Row(m) + column, column, dots[i]);
            }
        }
    }

    // Two accumulators per row hide the latency of the multiply-adds.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Dots(float* a, float* b0, float* b1, float* b2, float* b3, nint depth, float* dots)
    {
        T s0 = T.Zero, s1 = T.Zero, s2 = T.Zero, s3 = T.Zero, t0 = T.Zero, t1 = T.Zero, t2 = T.Zero, t3 = T.Zero;
        nint k = 0;
        for (; k + 2 * T.Count <= depth; k += 2 * T.Count)
        {
            T x = T.Load(a + k), y = T.Load(a + k + T.Count);
            s0 = T.MultiplyAdd(x, T.Load(b0 + k), s0);
            s1 = T.MultiplyAdd(x, T.Load(b1 + k), s1);
            s2 = T.MultiplyAdd(x, T.Load(b2 + k), s2);
            s3 = T.MultiplyAdd(x, T.Load(b3 + k), s3);
            t0 = T.MultiplyAdd(y, T.Load(b0 + k + T.Count), t0);
            t1 = T.MultiplyAdd(y, T.Load(b1 + k + T.Count), t1);
            t2 = T.MultiplyAdd(y, T.Load(b2 + k + T.Count), t2);
            t3 = T.MultiplyAdd(y, T.Load(b3 + k + T.Count), t3);
        }
        dots[0] = T.Sum(s0 + t0);
        dots[1] = T.Sum(s1 + t1);
        dots[2] = T.Sum(s2 + t2);
        dots[3] = T.Sum(s3 + t3);
        for (; k < depth; k++)
        {
            dots[0] += a[k] * b0[k];
            dots[1] += a[k] * b1[k];
            dots[2] += a[k] * b2[k];
            dots[3] += a[k] * b3[k];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void ScaledRows(int from, int columns, float* sums)
    {
        new Span<float>(sums, problem.M * taskColumns).Clear();
        int k = 0;
        for (; k + Quad <= problem.K; k += Quad)
        {
            // The four pieces of rows of B stay in the first cache for the further rows of A.
            float* b0 = problem.B.Row(k) + from, b1 = b0 + problem.B.Stride, b2 = b1 + problem.B.Stride, b3 = b2 + problem.B.Stride;
            for (int m = 0; m < problem.M; m++) AddScaled(a.Row(m) + k, b0, b1, b2, b3, columns, sums + m * taskColumns);
        }
        for (; k < problem.K; k++)
        {
            float* b = problem.B.Row(k) + from;
            for (int m = 0; m < problem.M; m++)
            {
                for (int j = 0; j < columns; j++) sums[m * taskColumns + j] += a.Row(m)[k] * b[j];
            }
        }
        for (int m = 0; m < problem.M; m++)
        {
            for (int j = 0; j < columns; j++) Finish(problem.C.Row(m) + from + j, from + j, sums[m * taskColumns + j]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void AddScaled(float* x, float* b0, float* b1, float* b2, float* b3, int columns, float* sums)
    {
        T x0 = T.Broadcast(x[0]), x1 = T.Broadcast(x[1]), x2 = T.Broadcast(x[2]), x3 = T.Broadcast(x[3]);
        int j = 0;
        for (; j + T.Count <= columns; j += T.Count)
        {
            T sum = T.MultiplyAdd(x0, T.Load(b0 + j), T.Load(sums + j));
            sum = T.MultiplyAdd(x1, T.Load(b1 + j), sum);
            sum = T.MultiplyAdd(x2, T.Load(b2 + j), sum);
            T.Store(T.MultiplyAdd(x3, T.Load(b3 + j), sum), sums + j);
        }
        for (; j < columns; j++) sums[j] += x[0] * b0[j] + x[1] * b1[j] + x[2] * b2[j] + x[3] * b3[j];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    void Finish(float* c, int column, float sum)
    {
        float value = problem.Alpha * sum;
        if (problem.Bias != null) value += problem.Bias[column];
        *c = problem.Accumulate ? *c + value : value;
    }
}
