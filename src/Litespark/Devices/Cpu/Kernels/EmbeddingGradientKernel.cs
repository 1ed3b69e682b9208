// N tokens, V vocabulary, D width
using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// dTable[indices[n]] += dy[n] in the order of the tokens, from zero unless accumulate. The rows of the table are dealt out to a fixed
/// number of tasks, so equal tokens never meet and the order of the sums is fixed; neighbouring rows go to different tasks, because
/// frequent tokens tend to be neighbours.
/// </summary>
internal sealed unsafe class EmbeddingGradientKernel : SimdKernel
{
    /// <summary>A power of two: the lowest bits of a row are its task.</summary>
    const int Tasks = 32;

    readonly WorkerPool pool;
    readonly int* indices;
    readonly Matrix dy_ND, dTable_VD;
    readonly SimdKernel[] clear;

    public EmbeddingGradientKernel(WorkerPool pool, int* indices, Matrix dy_ND, Matrix dTable_VD, bool accumulate) : base(pool, Tasks)
    {
        this.pool = pool;
        this.indices = indices;
        (this.dy_ND, this.dTable_VD) = (dy_ND, dTable_VD);
        clear = accumulate ? [] : [new FillKernel(pool, 0, dTable_VD)];
        pool.ReserveSharedScratch(Tasks + dy_ND.Rows);
    }

    protected override ReadOnlySpan<SimdKernel> Stages => clear;

    /// <summary>First token of each task, −1 where it has none; then the next token of the same task for each token.</summary>
    int* FirstTokens => (int*)pool.SharedScratch;

    int* NextTokens => FirstTokens + Tasks;

    public override void Run(WorkerPool pool)
    {
        foreach (SimdKernel stage in clear) stage.Run(pool);
        int* first = FirstTokens, next = NextTokens;
        new Span<int>(first, Tasks).Fill(-1);
        for (int n = dy_ND.Rows - 1; n >= 0; n--)
        {
            int task = indices[n] & (Tasks - 1);
            next[n] = first[task];
            first[task] = n;
        }

        base.Run(pool);
    }

    protected override void RunTask<T>(int task, int worker)
    {
        int* nextTokens = NextTokens;
        int next;
        for (int n = FirstTokens[task]; n >= 0; n = next)
        {
            next = nextTokens[n];
            int ahead = Math.Max(next, 0);
            AddRow<T>(dy_ND.Row(n), dTable_VD.Row(indices[n]), dy_ND.Row(ahead), dTable_VD.Row(indices[ahead]), dy_ND.Columns);
        }
    }

    /// <summary>sum += x; on the way asks for the next pair of rows, which lie anywhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void AddRow<T>(float* x, float* sum, float* nextX, float* nextSum, nint count) where T : struct, ISimd<T>
    {
        nint c = 0;
        for (; c <= count - 2 * T.Count; c += 2 * T.Count)
        {
            for (int line = 0; line < 2 * T.Count; line += 16)
            {
                Prefetch.Line(nextX + c + line);
                Prefetch.Line(nextSum + c + line);
            }

            T.Store(T.Load(sum + c) + T.Load(x + c), sum + c);
            T.Store(T.Load(sum + c + T.Count) + T.Load(x + c + T.Count), sum + c + T.Count);
        }

        for (; c < count; c += T.Count)
        {
            int rest = (int)(count - c);
            Lanes.Store(Lanes.Load<T>(sum + c, rest) + Lanes.Load<T>(x + c, rest), sum + c, rest);
        }
    }
}
