using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Tests.Devices.Cpu.Kernels;

public unsafe class AttentionKernelTests
{
    /// <summary>Sequences, tokens, heads, key/value heads, head_dim, window, documents.</summary>
    public static TheoryData<int, int, int, int, int, int, bool> Shapes => new()
    {
        { 1, 1, 1, 1, 1, 0, false },
        { 2, 1, 4, 2, 8, 1, true },
        { 1, 5, 2, 1, 3, 0, false },
        { 2, 7, 3, 3, 16, 3, false },
        { 1, 17, 2, 2, 48, 0, true },
        { 2, 95, 2, 1, 32, 0, false },
        { 1, 96, 3, 1, 40, 0, true },
        { 1, 97, 1, 1, 64, 1, false },
        { 3, 100, 4, 2, 20, 33, true },
        { 1, 192, 2, 2, 33, 96, false },
        { 1, 193, 6, 2, 48, 0, true },
        { 1, 211, 2, 1, 104, 100, true },
        { 1, 300, 1, 1, 80, 7, false },
        { 1, 301, 2, 2, 24, 0, false },
        { 1, 130, 1, 1, 128, 0, false },
        { 1, 70, 1, 1, 256, 0, true },
        { 1, 2350, 1, 1, 8, 0, true }, // one head for all threads, several blocks a task
        { 1, 500, 3, 1, 12, 150, false },
        { 2, 260, 4, 1, 80, 0, false },
    };

    internal static void Run<T, TTile>(AttentionCase x, int threads) where T : struct, ISimd<T> where TTile : IGemmTile
    {
        using var pool = new WorkerPool(threads);
        using var forward = new AttentionKernel<T, TTile>(x.Shape, x.Q, x.K, x.V, x.O, x.LogSumExp, pool, x.Live);
        var gradient = new AttentionGradientKernel<T, TTile>(x.Shape, x.Q, x.K, x.V, x.O, x.DO, x.LogSumExp, x.DQ, x.DK, x.DV, pool);
        forward.Run(pool);
        gradient.Run(pool);
    }

    internal static void RunOnThisMachine(AttentionCase x, WorkerPool pool)
    {
        using CpuKernel forward = AttentionKernels.Forward(x.Shape, x.Q, x.K, x.V, x.O, x.LogSumExp, pool, x.Live);
        CpuKernel gradient = AttentionKernels.Gradient(x.Shape, x.Q, x.K, x.V, x.O, x.DO, x.LogSumExp, x.DQ, x.DK, x.DV, pool);
        Spoil(pool, x.Shape);
        forward.Run(pool);
        gradient.Run(pool);
    }

    /// <summary>Scratch memory holds whatever another kernel left there: NaN is the worst.</summary>
    static void Spoil(WorkerPool pool, AttentionShape shape)
    {
        (long head, long block) = SimdWidth.Count switch
        {
            16 when AttentionKernels.InThrees(shape.HeadDim) => (FlashGradient<Simd512, GemmTile8<Vector512<float>, Register512>>.HeadLength(shape.HeadDim, shape.Tokens, shape.Pattern is not null),
                FlashGradient<Simd512, GemmTile8<Vector512<float>, Register512>>.BlockLength(shape.HeadDim, FlashGradient<Simd512, GemmTile8<Vector512<float>, Register512>>.Block)),
            16 => (FlashGradient<Simd512, GemmTile12<Vector512<float>, Register512>>.HeadLength(shape.HeadDim, shape.Tokens, shape.Pattern is not null),
                FlashGradient<Simd512, GemmTile12<Vector512<float>, Register512>>.BlockLength(shape.HeadDim, FlashGradient<Simd512, GemmTile12<Vector512<float>, Register512>>.Block)),
            8 => (FlashGradient<Simd256, GemmTile6<Vector256<float>, Register256>>.HeadLength(shape.HeadDim, shape.Tokens, shape.Pattern is not null),
                FlashGradient<Simd256, GemmTile6<Vector256<float>, Register256>>.BlockLength(shape.HeadDim, FlashGradient<Simd256, GemmTile6<Vector256<float>, Register256>>.Block)),
            _ => (FlashGradient<Simd128, GemmTile6<Vector128<float>, Register128>>.HeadLength(shape.HeadDim, shape.Tokens, shape.Pattern is not null),
                FlashGradient<Simd128, GemmTile6<Vector128<float>, Register128>>.BlockLength(shape.HeadDim, FlashGradient<Simd128, GemmTile6<Vector128<float>, Register128>>.Block)),
        };
        bool shared = AttentionGradientKernel<Simd256, GemmTile6<Vector256<float>, Register256>>.SharesHeads(shape);
        for (int worker = 0; worker < pool.ThreadCount; worker++)
            new Span<float>(pool.Scratch(worker), (int)(shared ? block : head + block)).Fill(float.NaN);
        if (shared) new Span<float>(pool.SharedScratch, (int)head).Fill(float.NaN);
    }

    internal static void CheckAgainstReference(AttentionCase x)
    {
        double[,] q = AttentionReference.ToDouble(x.Q), k = AttentionReference.ToDouble(x.K), v = AttentionReference.ToDouble(x.V);
        (double[,] o, double[,] lse) = AttentionReference.Forward(x.Shape, q, k, v);
        AttentionCase.Close(o, x.O, 2e-6, "o");
        for (int row = 0; row < x.Shape.Rows; row++)
            for (int h = 0; h < x.Shape.Heads; h++)
            {
                int index = (row / x.Shape.Tokens * x.Shape.Heads + h) * x.Shape.Tokens + row % x.Shape.Tokens;
                Assert.InRange(x.LogSumExp[index] - lse[row, h], -5e-6, 5e-6);
            }
        (double[,] dQ, double[,] dK, double[,] dV) = AttentionReference.Gradient(x.Shape, q, k, v, AttentionReference.ToDouble(x.DO));
        AttentionCase.Close(dQ, x.DQ, 1e-5, "dQ");
        AttentionCase.Close(dK, x.DK, 1e-5, "dK");
        AttentionCase.Close(dV, x.DV, 1e-5, "dV");
        x.CheckGuards();
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Forward_and_gradient_equal_double_precision(int sequences, int tokens, int heads, int keyValueHeads, int headDim,
        int window, bool documents)
    {
        using var x = new AttentionCase(tokens + headDim, sequences, tokens, heads, keyValueHeads, headDim, window, documents);
        using var pool = new WorkerPool(2);
        RunOnThisMachine(x, pool);
        CheckAgainstReference(x);
    }

    [Theory]
    [InlineData(205, 4, 2, 36, 1)]
    [InlineData(300, 1, 1, 33, 3)] // one head, which the threads share
    [InlineData(300, 1, 1, 36, 2)]
    public void Every_register_width_and_tile_equals_double_precision(int tokens, int heads, int keyValueHeads, int headDim, int threads)
    {
        using var x = new AttentionCase(1, sequences: 1, tokens, heads, keyValueHeads, headDim, window: 0, documents: true);
        Check<Simd128, GemmTile6<Vector128<float>, Register128>>();
        Check<Simd128, GemmTile12<Vector128<float>, Register128>>();
        Check<Simd256, GemmTile6<Vector256<float>, Register256>>();
        Check<Simd512, GemmTile12<Vector512<float>, Register512>>();
        Check<Simd512, GemmTile8<Vector512<float>, Register512>>();

        void Check<T, TTile>() where T : struct, ISimd<T> where TTile : struct, IGemmTile
        {
            // What the tile before has left must not pass for this one's.
            foreach (Matrix result in (ReadOnlySpan<Matrix>)[x.O, x.DQ, x.DK, x.DV])
            {
                for (int row = 0; row < result.Rows; row++) new Span<float>(result.Row(row), result.Columns).Fill(float.NaN);
            }

            Run<T, TTile>(x, threads);
            CheckAgainstReference(x);
        }
    }

    [Theory]
    [InlineData(1, 250, 1, 1, 32)]
    [InlineData(1, 130, 6, 2, 24)] // too few key/value heads for three threads: query heads apart, then added up
    [InlineData(3, 50, 4, 1, 16)]
    [InlineData(1, 701, 3, 1, 24)] // so few heads that the threads share each
    [InlineData(1, 2400, 1, 1, 16)]
    [InlineData(1, 289, 2, 2, 48)]
    public void Bits_do_not_depend_on_the_number_of_threads(int sequences, int tokens, int heads, int keyValueHeads, int headDim)
    {
        float[]? first = null;
        for (int threads = 1; threads <= 3; threads++)
        {
            using var x = new AttentionCase(3, sequences, tokens, heads, keyValueHeads, headDim, window: 0, documents: true);
            using var pool = new WorkerPool(threads);
            RunOnThisMachine(x, pool);
            float[] bits = [.. AttentionCase.Bits(x.O), .. AttentionCase.Bits(x.DQ), .. AttentionCase.Bits(x.DK),
                .. AttentionCase.Bits(x.DV), .. new ReadOnlySpan<float>(x.LogSumExp, x.Shape.Rows * heads)];
            first ??= bits;
            Assert.Equal(first, bits);
        }
    }

    [Fact]
    public void The_reference_gradient_equals_finite_differences()
    {
        using var x = new AttentionCase(5, sequences: 2, tokens: 6, heads: 4, keyValueHeads: 2, headDim: 3, window: 4, documents: true);
        double[,] q = AttentionReference.ToDouble(x.Q), k = AttentionReference.ToDouble(x.K), v = AttentionReference.ToDouble(x.V);
        double[,] dO = AttentionReference.ToDouble(x.DO);
        (double[,] dQ, double[,] dK, double[,] dV) = AttentionReference.Gradient(x.Shape, q, k, v, dO);
        foreach ((double[,] operand, double[,] gradient) in new[] { (q, dQ), (k, dK), (v, dV) })
        {
            for (int r = 0; r < operand.GetLength(0); r++)
                for (int c = 0; c < operand.GetLength(1); c++)
                {
                    double value = operand[r, c];
                    operand[r, c] = value + 1e-5;
                    double up = Loss();
                    operand[r, c] = value - 1e-5;
                    double down = Loss();
                    operand[r, c] = value;
                    Assert.InRange((up - down) / 2e-5 - gradient[r, c], -1e-8, 1e-8);
                }
        }

        double Loss()
        {
            double[,] o = AttentionReference.Forward(x.Shape, q, k, v).O;
            double sum = 0;
            for (int r = 0; r < o.GetLength(0); r++)
                for (int c = 0; c < o.GetLength(1); c++) sum += o[r, c] * dO[r, c];
            return sum;
        }
    }

    [Fact]
    public void Scores_far_apart_stay_finite()
    {
        using var x = new AttentionCase(7, sequences: 1, tokens: 120, heads: 1, keyValueHeads: 1, headDim: 16);
        for (int t = 0; t < 120; t++)
            for (int d = 0; d < 16; d++) x.Q.Row(t)[d] *= 300;
        using var pool = new WorkerPool(1);
        RunOnThisMachine(x, pool);
        (double[,] o, _) = AttentionReference.Forward(x.Shape, AttentionReference.ToDouble(x.Q), AttentionReference.ToDouble(x.K),
            AttentionReference.ToDouble(x.V));
        AttentionCase.Close(o, x.O, 2e-3, "o");
        foreach (Matrix m in new[] { x.DQ, x.DK, x.DV })
            foreach (float value in AttentionCase.Bits(m)) Assert.True(float.IsFinite(value));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Running_allocates_nothing(int threads)
    {
        using var x = new AttentionCase(9, sequences: 1, tokens: 100, heads: 2, keyValueHeads: 1, headDim: 16);
        using var pool = new WorkerPool(threads);
        CpuKernel forward = AttentionKernels.Forward(x.Shape, x.Q, x.K, x.V, x.O, x.LogSumExp, pool);
        CpuKernel gradient = AttentionKernels.Gradient(x.Shape, x.Q, x.K, x.V, x.O, x.DO, x.LogSumExp, x.DQ, x.DK, x.DV, pool);
        Assert.Equal(0, Allocations.OfRuns(pool, forward, gradient));
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(7, 0)]
    [InlineData(7, 3)]
    [InlineData(7, 7)]
    [InlineData(7, 100)]
    public void Live_pairs_are_counted_exactly(int tokens, int window)
    {
        long count = 0;
        for (int t = 0; t < tokens; t++)
            for (int key = 0; key <= t; key++)
                if (window == 0 || t - key < window) count++;
        Assert.Equal(count, AttentionShape.LivePairs(tokens, window));
    }

    [Fact]
    public void Operands_of_the_wrong_size_are_refused()
    {
        using var x = new AttentionCase(11, sequences: 1, tokens: 4, heads: 2, keyValueHeads: 1, headDim: 8);
        using var pool = new WorkerPool(1);
        Assert.Throws<ArgumentException>(() => AttentionKernels.Forward(x.Shape, x.Q, x.Q, x.V, x.O, null, pool));
        Assert.Throws<ArgumentException>(() => AttentionKernels.Forward(x.Shape, x.K, x.K, x.V, x.O, null, pool));
        Assert.Throws<ArgumentException>(() => new AttentionShape(1, 4, heads: 3, keyValueHeads: 2, headDim: 8, scale: 1));
    }
}
