using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cpu.Kernels;
using Litespark.Devices.Cpu.Simd;
using Litespark.Graphs;

namespace Litespark.Tests.Devices.Cpu.Kernels;

/// <summary>Attention with patterns, and with what may be left out, against double precision over single pairs.</summary>
public unsafe class SparseAttentionKernelTests
{
    /// <summary>All modes, single tokens and blocks (of whole and half registers), and steps from less than a grain to more than a block of keys.</summary>
    static readonly AttentionPattern[] Patterns =
    [
        new(AttentionMode.Local, 1, 0, 1), new(AttentionMode.Local, 40, 0, 1), new(AttentionMode.Local, 40, 0, 16),
        new(AttentionMode.Strided, 0, 3, 1), new(AttentionMode.Strided, 0, 17, 1), new(AttentionMode.Strided, 0, 64, 1), new(AttentionMode.Strided, 0, 128, 32), new(AttentionMode.Strided, 0, 250, 1),
        new(AttentionMode.LocalOrStrided, 20, 31, 1), new(AttentionMode.LocalOrStrided, 64, 192, 64), new(AttentionMode.LocalOrStrided, 72, 144, 24), new(AttentionMode.LocalOrStrided, 16, 40, 8), new(AttentionMode.Fixed, 48, 0, 8), new(AttentionMode.Fixed, 30, 0, 1), new(AttentionMode.Fixed, 128, 0, 64), new(AttentionMode.Strided, 0, AttentionPattern.MostTokens, 5), AttentionPattern.Dense,
    ];

    /// <summary>Sequences, tokens, heads, key/value heads, head_dim, window, documents.</summary>
    public static TheoryData<int, int, int, int, int, int, bool> Shapes => new()
    {
        { 1, 1, 1, 1, 1, 0, false },
        { 2, 1, 4, 2, 8, 1, true },
        { 1, 17, 13, 13, 48, 0, true },
        { 2, 95, 4, 1, 32, 0, false },
        { 1, 97, 4, 4, 64, 1, false },
        { 2, 300, 8, 2, 48, 133, true },
        { 1, 450, 13, 13, 20, 0, false },
        { 1, 450, 6, 3, 64, 0, true },
        { 1, 700, 1, 1, 24, 0, false }, // so few heads that the threads share each
        { 1, 2350, 2, 1, 8, 0, true },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Patterns_equal_double_precision(int sequences, int tokens, int heads, int keyValueHeads, int headDim, int window, bool documents)
    {
        using var x = new AttentionCase(tokens + headDim, sequences, tokens, heads, keyValueHeads, headDim, window, documents, pattern: true);
        using var pool = new WorkerPool(2);
        // Each head has each pattern once.
        for (int i = 0; i < Patterns.Length; i += heads)
        {
            x.SetPattern(0, [.. Patterns.Skip(i).Concat(Patterns).Take(heads)]);
            AttentionKernelTests.RunOnThisMachine(x, pool);
            AttentionKernelTests.CheckAgainstReference(x);
            Assert.Equal((float)Share(x), *x.Live);
        }
    }

    [Fact]
    public void Every_register_width_and_tile_equals_double_precision()
    {
        using var x = new AttentionCase(1, sequences: 1, tokens: 405, heads: 17, keyValueHeads: 17, headDim: 36, window: 0, documents: true, pattern: true);
        x.SetPattern(0, Patterns);
        EveryTile(x, () =>
        {
            AttentionKernelTests.CheckAgainstReference(x);
            Assert.Equal((float)Share(x), *x.Live);
        });
    }

    /// <summary>Tiles of one row that lie apart are weighed against one reference, however far their scores are from each other.</summary>
    [Fact]
    public void Scores_far_apart_equal_double_precision()
    {
        using var x = new AttentionCase(3, sequences: 1, tokens: 330, heads: 17, keyValueHeads: 17, headDim: 16, pattern: true);
        for (int t = 0; t < 330; t++)
            for (int d = 0; d < x.Q.Columns; d++) x.Q.Row(t)[d] *= 40;
        x.SetPattern(0, Patterns);
        (double[,] o, _) = AttentionReference.Forward(x.Shape, AttentionReference.ToDouble(x.Q), AttentionReference.ToDouble(x.K), AttentionReference.ToDouble(x.V));
        EveryTile(x, () => AttentionCase.Close(o, x.O, 1e-4, "o"));
    }

    static void EveryTile(AttentionCase x, Action check)
    {
        AttentionKernelTests.Run<Simd128, GemmTile6<Vector128<float>, Register128>>(x, 1);
        check();
        AttentionKernelTests.Run<Simd128, GemmTile12<Vector128<float>, Register128>>(x, 1);
        check();
        AttentionKernelTests.Run<Simd256, GemmTile6<Vector256<float>, Register256>>(x, 2);
        check();
        AttentionKernelTests.Run<Simd512, GemmTile12<Vector512<float>, Register512>>(x, 1);
        check();
        AttentionKernelTests.Run<Simd512, GemmTile8<Vector512<float>, Register512>>(x, 2);
        check();
    }

    [Theory]
    [InlineData(2, 205, 4, 2, 36)]
    [InlineData(1, 500, 1, 1, 48)]
    public void A_dense_pattern_gives_the_bits_of_no_pattern(int sequences, int tokens, int heads, int keyValueHeads, int headDim)
    {
        using var dense = new AttentionCase(4, sequences, tokens, heads, keyValueHeads, headDim, window: 60, documents: true);
        using var x = new AttentionCase(4, sequences, tokens, heads, keyValueHeads, headDim, window: 60, documents: true, pattern: true);
        using var pool = new WorkerPool(2);
        AttentionKernelTests.RunOnThisMachine(dense, pool);
        AttentionKernelTests.RunOnThisMachine(x, pool);
        Assert.Equal(Bits(dense), Bits(x));
        Assert.Equal(1, *x.Live);
    }

    [Theory]
    [InlineData(1, 250, 1, 1, 32, 0)]
    [InlineData(1, 430, 6, 2, 24, 0)] // too few key/value heads for three threads: query heads apart, then added up
    [InlineData(1, 701, 3, 1, 24, 0.01f)] // so few heads that the threads share each
    [InlineData(2, 389, 13, 13, 48, 0.01f)]
    public void Bits_do_not_depend_on_the_number_of_threads(int sequences, int tokens, int heads, int keyValueHeads, int headDim, float threshold)
    {
        float[]? first = null;
        for (int threads = 1; threads <= 3; threads++)
        {
            using AttentionCase x = Peaked(sequences, tokens, heads, keyValueHeads, headDim, documents: true);
            using var pool = new WorkerPool(threads);
            x.SetPattern(threshold, [.. Patterns.Skip(7), .. Patterns]);
            AttentionKernelTests.RunOnThisMachine(x, pool);
            float[] bits = [.. Bits(x), *x.Live];
            first ??= bits;
            Assert.Equal(first, bits);
        }
    }

    [Fact]
    public void A_pattern_may_change_from_run_to_run()
    {
        using var x = new AttentionCase(8, sequences: 1, tokens: 300, heads: 2, keyValueHeads: 2, headDim: 32, pattern: true);
        using var pool = new WorkerPool(2);
        using CpuKernel forward = AttentionKernels.Forward(x.Shape, x.Q, x.K, x.V, x.O, x.LogSumExp, pool, x.Live);
        using CpuKernel gradient = AttentionKernels.Gradient(x.Shape, x.Q, x.K, x.V, x.O, x.DO, x.LogSumExp, x.DQ, x.DK, x.DV, pool);
        foreach (AttentionPattern pattern in Patterns)
        {
            x.SetPattern(0, pattern, Patterns[4]);
            forward.Run(pool);
            gradient.Run(pool);
            AttentionKernelTests.CheckAgainstReference(x);
            Assert.Equal((float)Share(x), *x.Live);
        }

        x.SetPattern(0.1f, Patterns[4], Patterns[1]);
        Assert.Equal(0, Allocations.OfRuns(pool, forward, gradient));
    }

    [Theory]
    [InlineData(1e-3f, false)]
    [InlineData(1e-3f, true)]
    [InlineData(0.05f, false)]
    [InlineData(0.05f, true)]
    public void What_is_left_out_weighs_less_than_the_stated_bound(float threshold, bool peaked)
    {
        using AttentionCase x = peaked ? Peaked(1, 520, 8, 2, 36) : new AttentionCase(2, 1, 520, 8, 2, 36, documents: true, pattern: true);
        AttentionPattern[] patterns = [AttentionPattern.Dense, new(AttentionMode.Local, 300, 0, 1), new(AttentionMode.LocalOrStrided, 64, 192, 64), new(AttentionMode.LocalOrStrided, 72, 144, 24), new(AttentionMode.LocalOrStrided, 16, 40, 8), new(AttentionMode.Fixed, 48, 0, 8), new(AttentionMode.Strided, 0, 5, 1), new(AttentionMode.Fixed, 128, 0, 1)];
        x.SetPattern(0, patterns);
        double[,] q = AttentionReference.ToDouble(x.Q), k = AttentionReference.ToDouble(x.K), v = AttentionReference.ToDouble(x.V);
        (double[,] o, double[,] lse) = AttentionReference.Forward(x.Shape, q, k, v);
        double share = Share(x), largest = 0;
        for (int row = 0; row < x.Shape.Rows; row++)
            for (int head = 0; head < x.Shape.KeyValueHeads; head++) largest = Math.Max(largest, Norm(v, row, head * x.Shape.HeadDim, x.Shape.HeadDim));
        x.SetPattern(threshold, patterns);
        EveryTile(x, () =>
        {
            Assert.InRange(*x.Live, 0, (float)share);
            if (peaked) Assert.True(*x.Live < 0.6 * share, $"{*x.Live} of {share}");
            for (int row = 0; row < x.Shape.Rows; row++)
                for (int head = 0; head < x.Shape.Heads; head++)
                {
                    int t = row % x.Shape.Tokens, seen = AttentionPatternBuffer.Read(new ReadOnlySpan<int>(x.Shape.Pattern, AttentionPatternBuffer.Length(x.Shape.Heads)), head).Count(t, x.Shape.FirstKey(row / x.Shape.Tokens, t), t + 1);
                    double error = 0, bound = seen * (double)threshold;
                    for (int d = head * x.Shape.HeadDim; d < (head + 1) * x.Shape.HeadDim; d++) error += Math.Pow(o[row, d] - x.O.Row(row)[d], 2);
                    Assert.True(Math.Sqrt(error) <= 2 * bound * largest + 2e-5, $"row {row}, head {head}: {Math.Sqrt(error)}");
                    // Left out is 1 − e^(lse − lse of all).
                    double lost = 1 - Math.Exp(x.LogSumExp[head * x.Shape.Tokens + t] - lse[row, head]);
                    Assert.True(lost <= bound + 2e-5 && lost > -2e-5, $"row {row}, head {head}: {lost}");
                }
        });
    }

    /// <summary>Which pairs the forward pass kept is not known from outside; but its output is a linear function of v, whose rows it weighs, and the gradient of v must be by the same weights.</summary>
    [Fact]
    public void The_gradient_leaves_out_what_the_forward_pass_does()
    {
        const int Tokens = 400;
        using AttentionCase x = Peaked(1, Tokens, 1, 1, 24), y = Peaked(1, Tokens, 1, 1, 24);
        using var pool = new WorkerPool(2);
        x.SetPattern(0.02f, AttentionPattern.Dense);
        y.SetPattern(0.02f, AttentionPattern.Dense);
        AttentionKernelTests.RunOnThisMachine(x, pool);
        Assert.True(*x.Live < 0.6);
        // dO = e_t in every column; dV_j is then the weight of key j in row t. v = e_j in a column gives the same weight in row t of o.
        foreach (int t in (int[])[399, 250, 97])
        {
            for (int row = 0; row < Tokens; row++) new Span<float>(x.DO.Row(row), 24).Fill(row == t ? 1 : 0);
            AttentionKernelTests.RunOnThisMachine(x, pool);
            for (int j0 = 0; j0 <= t; j0 += 24)
            {
                for (int row = 0; row < Tokens; row++)
                    for (int d = 0; d < 24; d++) y.V.Row(row)[d] = row == j0 + d ? 1 : 0;
                AttentionKernelTests.RunOnThisMachine(y, pool);
                for (int d = 0; d < 24 && j0 + d <= t; d++)
                {
                    float forward = y.O.Row(t)[d], backward = x.DV.Row(j0 + d)[0];
                    Assert.True((forward == 0) == (backward == 0) && Math.Abs(forward - backward) <= 1e-5 * forward + 1e-30, $"{t}, {j0 + d}: {forward} and {backward}");
                }
            }
        }
    }

    /// <summary>Stretches of tokens whose keys and queries are alike and unlike those of others: few tiles have any weight.</summary>
    static AttentionCase Peaked(int sequences, int tokens, int heads, int keyValueHeads, int headDim, bool documents = false)
    {
        const int Stretch = 130;
        var x = new AttentionCase(6, sequences, tokens, heads, keyValueHeads, headDim, documents: documents, pattern: true);
        float strength = MathF.Sqrt(10 / x.Shape.Scale);
        for (int row = 0; row < x.Shape.Rows; row++)
            for (int head = 0; head < heads; head++)
                for (int d = 0; d < headDim; d++)
                {
                    float direction = d == row % tokens / Stretch ? strength : 0;
                    float* key = x.K.Row(row) + head / x.Shape.Group * headDim + d, query = x.Q.Row(row) + head * headDim + d;
                    if (head % x.Shape.Group == 0) *key = direction + 0.05f * *key;
                    *query = direction + 0.05f * *query;
                }

        return x;
    }

    /// <summary>Share of the visible pairs that patterns show, pair by pair.</summary>
    static double Share(AttentionCase x)
    {
        long live = 0, visible = 0;
        for (int row = 0; row < x.Shape.Rows; row++)
            for (int head = 0; head < x.Shape.Heads; head++)
                for (int t = row % x.Shape.Tokens, j = x.Shape.FirstKey(row / x.Shape.Tokens, t); j <= t; j++, visible++)
                    if (x.Shape.PatternOf(head).Allows(t, j)) live++;
        return (double)live / visible;
    }

    static double Norm(double[,] m, int row, int column, int length) => Math.Sqrt(Enumerable.Range(column, length).Sum(d => m[row, d] * m[row, d]));

    static float[] Bits(AttentionCase x)
        => [.. AttentionCase.Bits(x.O), .. AttentionCase.Bits(x.DQ), .. AttentionCase.Bits(x.DK), .. AttentionCase.Bits(x.DV), .. new ReadOnlySpan<float>(x.LogSumExp, x.Shape.Rows * x.Shape.Heads)];
}
