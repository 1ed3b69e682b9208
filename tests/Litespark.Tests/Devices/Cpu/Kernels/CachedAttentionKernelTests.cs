using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public unsafe class CachedAttentionKernelTests
{
    const int Capacity = 230;

    static void Check<T, TTile>(int newTokens, int firstPosition, int heads, int keyValueHeads, int headDim, int window, int threads)
        where T : struct, ISimd<T> where TTile : IGemmTile
    {
        using var x = new AttentionCase(newTokens + headDim, 1, newTokens, heads, keyValueHeads, headDim, window);
        using var pool = new WorkerPool(threads);
        Matrix keys = x.Random(Capacity, keyValueHeads * headDim), values = x.Random(Capacity, keyValueHeads * headDim);
        int[] positions = [.. Enumerable.Range(firstPosition, newTokens)];
        double[,] k = AttentionReference.ToDouble(keys), v = AttentionReference.ToDouble(values);
        // What lies behind the last token in the cache must not matter.
        for (int row = firstPosition + newTokens; row < Capacity; row++)
            for (int c = 0; c < keys.Columns; c++) keys.Row(row)[c] = values.Row(row)[c] = float.NaN;
        fixed (int* p = positions)
        {
            new CachedAttentionKernel<T, TTile>(x.Shape, x.Q, keys, values, p, x.O, pool).Run(pool);
        }
        AttentionCase.Close(AttentionReference.Cached(x.Shape, AttentionReference.ToDouble(x.Q), k, v, positions), x.O, 2e-6, "o");
        x.CheckGuards();
    }

    [Theory]
    [InlineData(1, 0, 1, 1, 1, 0)]
    [InlineData(1, 99, 4, 2, 48, 0)]
    [InlineData(1, 229, 6, 1, 64, 0)]
    [InlineData(1, 229, 2, 2, 37, 50)]
    [InlineData(3, 100, 4, 2, 33, 3)]
    [InlineData(15, 0, 3, 3, 80, 0)]
    [InlineData(15, 200, 8, 2, 64, 0)]
    [InlineData(16, 0, 3, 3, 80, 0)]
    [InlineData(100, 130, 4, 1, 20, 0)]
    [InlineData(211, 19, 2, 2, 48, 30)]
    public void Decode_and_prefill_equal_double_precision(int newTokens, int firstPosition, int heads, int keyValueHeads, int headDim,
        int window)
    {
        Check<Simd128, GemmTile6<Vector128<float>, Register128>>(newTokens, firstPosition, heads, keyValueHeads, headDim, window, threads: 1);
        Check<Simd256, GemmTile6<Vector256<float>, Register256>>(newTokens, firstPosition, heads, keyValueHeads, headDim, window, threads: 2);
        Check<Simd512, GemmTile12<Vector512<float>, Register512>>(newTokens, firstPosition, heads, keyValueHeads, headDim, window, threads: 3);
        Check<Simd512, GemmTile8<Vector512<float>, Register512>>(newTokens, firstPosition, heads, keyValueHeads, headDim, window, threads: 3);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(60)]
    public void Bits_do_not_depend_on_the_number_of_threads(int newTokens)
    {
        float[]? first = null;
        for (int threads = 1; threads <= 3; threads++)
        {
            using var x = new AttentionCase(1, 1, newTokens, heads: 4, keyValueHeads: 2, headDim: 24);
            using var pool = new WorkerPool(threads);
            Matrix keys = x.Random(Capacity, 48), values = x.Random(Capacity, 48);
            int[] positions = [.. Enumerable.Range(Capacity - newTokens, newTokens)];
            fixed (int* p = positions) AttentionKernels.Cached(x.Shape, x.Q, keys, values, p, x.O, pool).Run(pool);
            float[] bits = AttentionCase.Bits(x.O);
            first ??= bits;
            Assert.Equal(first, bits);
        }
    }

    [Fact]
    public void Token_by_token_equals_the_whole_sequence_at_once()
    {
        using var x = new AttentionCase(4, 1, tokens: 40, heads: 4, keyValueHeads: 2, headDim: 16, window: 25);
        using var pool = new WorkerPool(2);
        AttentionKernels.Forward(x.Shape, x.Q, x.K, x.V, x.O, x.LogSumExp, pool).Run(pool);
        Matrix keys = x.Guarded(Capacity, 32), values = x.Guarded(Capacity, 32), o = x.Guarded(1, 64);
        int position = 0;
        var shape = new AttentionShape(1, 1, 4, 2, 16, x.Shape.Scale, window: 25);
        for (int t = 0; t < 40; t++)
        {
            position = t;
            new CacheAppendKernel(new Matrix(x.K.Row(t), 1, 32), new Matrix(x.V.Row(t), 1, 32), keys, values, &position).Run(pool);
            AttentionKernels.Cached(shape, new Matrix(x.Q.Row(t), 1, 64), keys, values, &position, o, pool).Run(pool);
            for (int c = 0; c < 64; c++) Assert.InRange(o.Row(0)[c] - x.O.Row(t)[c], -2e-6, 2e-6);
        }
        x.CheckGuards();
    }

    [Theory]
    [InlineData(1, 5)]
    [InlineData(100, 2000)]
    public void Appending_copies_rows_to_their_positions_and_touches_no_other(int newTokens, int columns)
    {
        using var x = new AttentionCase(6, 1, 1, 1, 1, 1);
        using var pool = new WorkerPool(3);
        Matrix k = x.Random(newTokens, columns), v = x.Random(newTokens, columns);
        Matrix keys = x.Guarded(Capacity, columns), values = x.Guarded(Capacity, columns);
        int[] positions = [.. Enumerable.Range(0, newTokens).Select(i => (i * 7 + 3) % Capacity)];
        fixed (int* p = positions) new CacheAppendKernel(k, v, keys, values, p).Run(pool);
        for (int row = 0; row < Capacity; row++)
        {
            int source = Array.IndexOf(positions, row);
            for (int c = 0; c < columns; c++)
            {
                Assert.Equal(source < 0 ? -777.25f : k.Row(source)[c], keys.Row(row)[c]);
                Assert.Equal(source < 0 ? -777.25f : v.Row(source)[c], values.Row(row)[c]);
            }
        }
        x.CheckGuards();
    }

    [Fact]
    public void Positions_outside_the_cache_are_refused()
    {
        using var x = new AttentionCase(8, 1, 1, 1, 1, 4);
        using var pool = new WorkerPool(1);
        Matrix keys = x.Guarded(Capacity, 4), values = x.Guarded(Capacity, 4);
        int position = Capacity;
        var append = new CacheAppendKernel(x.K, x.V, keys, values, &position);
        CpuKernel attention = AttentionKernels.Cached(x.Shape, x.Q, keys, values, &position, x.O, pool);
        Assert.Throws<ArgumentOutOfRangeException>(() => append.Run(pool));
        Assert.Throws<ArgumentOutOfRangeException>(() => attention.Run(pool));
        position = -1;
        Assert.Throws<ArgumentOutOfRangeException>(() => append.Run(pool));
        Assert.Throws<ArgumentOutOfRangeException>(() => attention.Run(pool));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public void Running_allocates_nothing(int newTokens)
    {
        using var x = new AttentionCase(1, 1, newTokens, heads: 4, keyValueHeads: 2, headDim: 24);
        using var pool = new WorkerPool(2);
        Matrix keys = x.Random(Capacity, 48), values = x.Random(Capacity, 48);
        int* positions = (int*)x.Zeros(newTokens);
        for (int i = 0; i < newTokens; i++) positions[i] = 100 + i;
        Assert.Equal(0, Allocations.OfRuns(pool, new CacheAppendKernel(x.K, x.V, keys, values, positions),
            AttentionKernels.Cached(x.Shape, x.Q, keys, values, positions, x.O, pool)));
    }
}
