// N tokens, V vocabulary, D width
using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// dTable[indices[n]] += dy[n] in the order of the tokens, from zero unless accumulate. Tasks are blocks of rows of the table: each row is
/// written once, by the sum of its tokens or by zeros, so the order of the sums is fixed and equal tokens never meet.
/// </summary>
internal sealed unsafe class EmbeddingGradientKernel : SimdKernel
{
    /// <summary>Zeros of a table of this size have left the caches before anyone reads them, so they need not enter.</summary>
    const long FloatsBeyondCaches = 8 << 20;

    readonly WorkerPool pool;
    readonly int* indices;
    readonly Matrix dy_ND, dTable_VD;
    readonly bool accumulate, streams;
    readonly Tiling tiles;

    public EmbeddingGradientKernel(WorkerPool pool, int* indices, Matrix dy_ND, Matrix dTable_VD, bool accumulate)
        : base(pool, Tiling.Rows(dTable_VD.Rows, dTable_VD.Columns).Count)
    {
        this.pool = pool;
        this.indices = indices;
        (this.dy_ND, this.dTable_VD, this.accumulate) = (dy_ND, dTable_VD, accumulate);
        tiles = Tiling.Rows(dTable_VD.Rows, dTable_VD.Columns);
        streams = (long)dTable_VD.Rows * dTable_VD.Columns >= FloatsBeyondCaches;
        pool.ReserveSharedScratch((long)dTable_VD.Rows + dy_ND.Rows);
    }

    /// <summary>First token of each row of the table, −1 where it has none; then the next token of the same row for each token.</summary>
    int* FirstTokens => (int*)pool.SharedScratch;

    int* NextTokens => FirstTokens + dTable_VD.Rows;

    public override void Run(WorkerPool pool)
    {
        int* first = FirstTokens, next = NextTokens;
        new Span<int>(first, dTable_VD.Rows).Fill(-1);
        for (int n = dy_ND.Rows - 1; n >= 0; n--)
        {
            next[n] = first[indices[n]];
            first[indices[n]] = n;
        }

        base.Run(pool);
    }

    protected override void RunTask<T>(int task, int worker)
    {
        Tile tile = tiles[task];
        int* first = FirstTokens, next = NextTokens;
        int columns = tile.Count;
        for (int v = Used(first, tile.FirstRow, tile.EndRow); v < tile.EndRow;)
        {
            // Which row of the table is next is known before this one is summed: its token can be asked for.
            int following = Used(first, v + 1, tile.EndRow), n = first[v], after = following < tile.EndRow ? first[following] : n;
            float* sum_D = dTable_VD.Row(v);
            if (!accumulate)
            {
                Elementwise.CopyRow<T, CachedResult>(dy_ND.Row(n), sum_D, dy_ND.Row(next[n] >= 0 ? next[n] : after), columns);
                n = next[n];
            }

            for (; n >= 0; n = next[n]) AddRow<T>(dy_ND.Row(n), sum_D, dy_ND.Row(next[n] >= 0 ? next[n] : after), columns);
            v = following;
        }
    }

    /// <summary>The first row from <paramref name="v"/> on that has a token; those before it become zero unless they are added to.</summary>
    int Used(int* first, int v, int end)
    {
        int from = v;
        while (v < end && first[v] < 0) v++;
        if (accumulate) return v;
        if (dTable_VD.Stride == dTable_VD.Columns) Elementwise.Clear(dTable_VD.Row(from), (nint)(v - from) * dTable_VD.Columns, streams);
        else for (int row = from; row < v; row++) Elementwise.Clear(dTable_VD.Row(row), dTable_VD.Columns, streams);
        return v;
    }

    /// <summary>sum += x; on the way asks for the row at <paramref name="next"/>, which will be added soon.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization), SkipLocalsInit]
    static void AddRow<T>(float* x, float* sum, float* next, nint count) where T : struct, ISimd<T>
    {
        nint c = 0;
        for (; c <= count - 2 * T.Count; c += 2 * T.Count)
        {
            for (int line = 0; line < 2 * T.Count; line += 16) Prefetch.Line(next + c + line);
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
