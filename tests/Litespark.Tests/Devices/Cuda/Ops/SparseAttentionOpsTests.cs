using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;
using static Litespark.Tests.Devices.Cuda.Ops.TrialOperands;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>Attention with patterns, and with what may be left out, by emulated kernels beside the CPU's, and beside double precision.</summary>
public sealed class SparseAttentionOpsTests
{
    /// <summary>One bf16 rounding of the result, and one of each weight within it.</summary>
    const double Rounded = 1.0 / 128;

    const int Gap = 8;

    static readonly GpuProperties hopper = Gpu(9, 0, 227), ampere = Gpu(8, 0, 163), ada = Gpu(8, 9, 99);

    /// <summary>All modes; single tokens, blocks within a tile and blocks of several tiles; runs and steps that fall on tiles and such that do not.</summary>
    static readonly AttentionPattern[] patterns =
    [
        new(AttentionMode.Local, 1, 0, 1), new(AttentionMode.LocalOrStrided, 64, 128, 64), new(AttentionMode.Strided, 0, 3, 1), new(AttentionMode.Fixed, 30, 0, 1),
        new(AttentionMode.Local, 40, 0, 1), AttentionPattern.Dense, new(AttentionMode.Strided, 0, 128, 32), new(AttentionMode.LocalOrStrided, 72, 144, 24),
        new(AttentionMode.Fixed, 128, 0, 64), new(AttentionMode.Strided, 0, 65, 1), new(AttentionMode.LocalOrStrided, 20, 31, 1), new(AttentionMode.Local, 100, 0, 16),
        new(AttentionMode.Strided, 0, AttentionPattern.MostTokens, 5), new(AttentionMode.Fixed, 48, 0, 16), new(AttentionMode.Local, AttentionPattern.MostTokens, 0, 7),
    ];

    readonly TrialOperands operands = new();

    [EmulatedTheory]
    [InlineData(1, 1, 2, 1, 16, 0, false)]
    [InlineData(2, 330, 3, 1, 16, 0, false)]
    [InlineData(1, 200, 15, 5, 8, 0, true)]
    [InlineData(1, 257, 4, 2, 24, 100, true)]
    [InlineData(1, 300, 5, 5, 64, 0, false)]
    [InlineData(2, 150, 4, 2, 96, 70, true)]
    [InlineData(1, 290, 4, 1, 128, 0, true)]
    [InlineData(1, 140, 2, 1, 256, 0, false)]
    public void Patterns_compute_what_the_CPU_does(int sequences, int tokens, int heads, int keyHeads, int headDim, int window, bool packed)
    {
        var g = new AttentionGeometry(sequences, tokens, heads, keyHeads, headDim);
        // Each pattern comes to some head, those of one group differ, and patterns change from run to run in one order of the emulator's threads.
        for (int shift = 0; shift < patterns.Length; shift += Math.Max(heads, 4)) Compare(g, window, packed, Turn(heads, shift), new AttentionTiles(headDim, hopper, hasPattern: true), null, (uint)shift);
    }

    [EmulatedTheory]
    [InlineData(80, 8, 0)]
    [InlineData(96, 8, 0)]
    [InlineData(128, 8, 0)]
    [InlineData(96, 8, 9)]
    [InlineData(128, 8, 9)]
    [InlineData(256, 8, 9)]
    public void Tiles_of_other_GPUs_compute_the_same(int headDim, int major, int minor)
        => Compare(new AttentionGeometry(1, 170, 2, 1, headDim), 0, packed: true, Turn(2, 7), new AttentionTiles(headDim, (major, minor) == (8, 9) ? ada : ampere, hasPattern: true), null, seed: 3);

    /// <summary>Every tile that is timed computes what it should.</summary>
    [EmulatedTheory]
    [InlineData(64)]
    [InlineData(128)]
    public void Smaller_tiles_compute_the_same(int headDim)
    {
        var tiles = new AttentionTiles(headDim, hopper, hasPattern: true);
        AttentionTile[] forward = [.. tiles.ForwardVariants];
        AttentionTiles[] gradient = [.. tiles.GradientVariants];
        Assert.True(forward.Length > 1 && gradient.Length > 2 && gradient.All(variant => variant.HasPattern));
        for (int i = 0; i < gradient.Length; i++) Compare(new AttentionGeometry(1, 150, 2, 1, headDim), 0, packed: false, Turn(2, 2 * i), gradient[i], forward[i % forward.Length], seed: 1);
    }

    /// <summary>Whatever order the threads run in; NaNs lie in all memory that nobody has written.</summary>
    [EmulatedFact]
    public void Bits_do_not_depend_on_the_order_in_which_threads_run()
    {
        var g = new AttentionGeometry(1, 210, 4, 2, 32);
        double[]? first = null;
        foreach (uint seed in (uint[])[1, 5, 99])
        {
            double[] bits = [.. new SparseAttentionOpsTests().Run(g, 0, packed: true, Turn(4, 6), 1.0 / 256, seed).SelectMany(tensor => tensor.Actual)];
            first ??= bits;
            Assert.Equal(first, bits);
        }
    }

    [EmulatedTheory]
    [InlineData(1.0 / 1024, 32, false)]
    [InlineData(1.0 / 8, 32, false)]
    [InlineData(1.0 / 64, 136, true)]
    public void What_may_be_left_out_is_left_out_of_both_passes(double threshold, int headDim, bool packed)
    {
        var g = new AttentionGeometry(2, 330, 4, 2, headDim);
        AttentionPattern[] used = [AttentionPattern.Dense, new(AttentionMode.Local, 200, 0, 1), new(AttentionMode.LocalOrStrided, 64, 128, 64), new(AttentionMode.Strided, 0, 5, 1)];
        TrialTensor[] found = Run(g, 0, packed, used, threshold, seed: 2);
        var expected = new SelectedAttention(g, 0, Scale(g), used, threshold, found[0].Actual, found[1].Actual, found[2].Actual, i => (int)found[3].Actual[i]);
        var all = new SelectedAttention(g, 0, Scale(g), used, 0, found[0].Actual, found[1].Actual, found[2].Actual, i => (int)found[3].Actual[i]);
        Assert.True(expected.Share < 0.85 * all.Share, $"{expected.Share} of {all.Share}");
        AssertIs(expected, found);

        // The bound that is stated: less than τ for each pair that is left out, of a row's weight, and of its output twice that times the largest value.
        double largest = Enumerable.Range(0, g.Tokens * g.KeyValueHeads).Max(row => Math.Sqrt(Enumerable.Range(row * headDim, headDim).Sum(i => found[2].Actual[i] * found[2].Actual[i])));
        for (int row = 0; row < g.Sequences * g.Heads * g.SequenceLength; row++)
            Assert.InRange(1 - Math.Exp(expected.LogSumExp[row] - all.LogSumExp[row]), -1e-9, row % g.SequenceLength * threshold);
        for (int row = 0; row < g.Tokens * g.Heads; row++)
        {
            double error = Math.Sqrt(Enumerable.Range(row * headDim, headDim).Sum(i => Math.Pow(expected.O[i] - all.O[i], 2)));
            Assert.True(error <= 2 * (row / g.Heads % g.SequenceLength) * threshold * largest + 1e-9, $"row {row}: {error}");
        }
    }

    /// <summary>Nothing is multiplied by what nobody sees: it may be no number.</summary>
    [EmulatedFact]
    public void Dead_tiles_are_left_out()
    {
        const int Tokens = 512, Hurt = 1;
        var g = new AttentionGeometry(1, Tokens, 1, 1, 32);
        AttentionPattern pattern = new(AttentionMode.Strided, 0, 256, 64); // block 1 is seen by blocks 1 and 5 alone
        using var trial = new OpTrial();
        Shape rows = new(Tokens, 32);
        var op = new Attention(g, 0, Scale(g)) { HasPattern = true };
        TrialTensor q = operands.Numbers(rows, BFloat16), k = operands.Numbers(rows, BFloat16), o = Result(rows, BFloat16), sums = Result(new(1, 1, Tokens), Float32), share = Result(new(1), Float32);
        double[][] outputs = [.. ((bool[])[false, true]).Select(isHurt =>
        {
            var v = new TrialTensor(rows, BFloat16, i => isHurt && i / 32 / 64 == Hurt ? double.NaN : Math.Sin(i));
            trial.Run(op, (binding, call) => AttentionOps.Attention(binding, call, op), [q, k, v, Starts(g, packed: false), Buffer([pattern], 0)], [o, sums, share]);
            return o.Actual;
        })];
        for (int i = 0; i < outputs[0].Length; i++) Assert.Equal(i / 32 / 64 is Hurt or 5 ? double.NaN : outputs[0][i], outputs[1][i]);
    }

    [EmulatedTheory]
    [InlineData("attention_key_walk.cuh", "column < starts[i][h] && of_key != own[i][h]", "column < starts[i][h]")]
    [InlineData("attention_key_walk.cuh", "|| (column < starts[i][h] && of_key != own[i][h])", "")]
    [InlineData("attention_key_walk.cuh", " && pattern.shows_all(Rows::row, Rows::last, key, key_end)", "")]
    [InlineData("attention_query_walk.cuh", " && pattern.shows_all(query, query_end - 1, key, key + 16)", "")]
    [InlineData("attention_walk.cuh", "const uint32 rest = live >> step % 32;", "const uint32 rest = live;")]
    [InlineData("attention_pattern.cuh", "(apart.x - 1) / step", "apart.x / step")]
    [InlineData("attention_gradient_keys.cu", " && remainders[e / 2] != ((const int*)rows)[4 * QUERY_TILE + at]", "")]
    [InlineData("attention_gradient_keys.cu", "(turn + 1) % STAGES * StageLength", "turn * StageLength")]
    public void Planted_bug_is_found(string file, string text, string wrong)
    {
        var g = new AttentionGeometry(1, 230, 3, 1, 32);
        AttentionPattern[] used = [new(AttentionMode.Strided, 0, 65, 1), new(AttentionMode.LocalOrStrided, 64, 128, 64), new(AttentionMode.Fixed, 48, 0, 16)];
        KernelBugs.AssertFound(file, text, wrong, texts => Compare(g, 0, packed: false, used, new AttentionTiles(32, hopper, hasPattern: true), null, (uint)texts.Seed, texts.Texts));
    }

    [EmulatedTheory]
    [InlineData("attention_key_walk.cuh", " && !left_out.at(Rows::row, key)", "")]
    [InlineData("attention_query_walk.cuh", " && !left.at(query, key)", "")]
    [InlineData("attention_select.cu", "if (!(excess < allowance))", "if (excess < allowance)")]
    [InlineData("attention_select.cu", "norms[row] * radii[key_head * panels + panel]", "0")]
    [InlineData("attention_select.cu", "computed -= pattern.count", "computed += pattern.count")]
    public void Planted_bug_in_what_is_left_out_is_found(string file, string text, string wrong)
        => KernelBugs.AssertFound(file, text, wrong, texts =>
        {
            var g = new AttentionGeometry(1, 330, 2, 1, 32);
            AttentionPattern[] used = [AttentionPattern.Dense, new(AttentionMode.LocalOrStrided, 64, 128, 64)];
            const double Threshold = 1.0 / 8;
            TrialTensor[] found = new SparseAttentionOpsTests().Run(g, 0, packed: false, used, Threshold, (uint)texts.Seed, texts: texts.Texts);
            var expected = new SelectedAttention(g, 0, Scale(g), used, Threshold, found[0].Actual, found[1].Actual, found[2].Actual, i => (int)found[3].Actual[i]);
            AssertIs(expected, found);
        });

    static void AssertIs(SelectedAttention expected, TrialTensor[] found)
    {
        (double[] dQ, double[] dK, double[] dV) = expected.Gradient(found[7].Actual);
        Assert.Equal((float)expected.Share, found[6].Actual.Single());
        foreach ((TrialTensor tensor, double[] reference, double tolerance) in ((TrialTensor, double[], double)[])
            [(found[5], expected.LogSumExp, 1e-5), (found[4], expected.O, Rounded), (found[8], dQ, 3 * Rounded), (found[9], dK, 3 * Rounded), (found[10], dV, 3 * Rounded)])
        {
            tensor.Expected = reference;
            tensor.AssertClose("what stays", tolerance);
        }
    }

    void Compare(AttentionGeometry g, int window, bool packed, AttentionPattern[] used, AttentionTiles tiles, AttentionTile? forward, uint seed, IReadOnlyDictionary<string, string>? texts = null)
    {
        TrialTensor[] tensors = Run(g, window, packed, used, 0, seed, tiles, forward, texts);
        foreach ((TrialTensor tensor, string name) in ((TrialTensor[])[tensors[4], .. tensors[8..]]).Zip((string[])["o", "dQ", "dK", "dV"])) tensor.AssertClose(name, Rounded);
        tensors[5].AssertClose("log-sum-exp", 1e-5);
        tensors[6].AssertClose("share", 0);
    }

    /// <summary>Both passes; q, k, v, starts, o, log-sum-exp, share, dO, dQ, dK, dV.</summary>
    TrialTensor[] Run(AttentionGeometry g, int window, bool packed, AttentionPattern[] used, double threshold, uint seed,
        AttentionTiles? tiles = null, AttentionTile? forward = null, IReadOnlyDictionary<string, string>? texts = null)
    {
        tiles ??= new AttentionTiles(g.HeadDim, hopper, hasPattern: true);
        using var trial = new OpTrial(seed, texts: texts);
        Shape queries = new(g.Tokens, g.Heads * g.HeadDim), keys = new(g.Tokens, g.KeyValueHeads * g.HeadDim);
        TrialTensor Rows(Shape shape) => threshold > 0 ? Stretches(g, shape, threshold) : operands.Numbers(shape, BFloat16, Gap, scale: 2);
        TrialTensor q = Rows(queries), k = Rows(keys), v = operands.Numbers(keys, BFloat16, Gap), starts = Starts(g, packed, threshold > 0 ? 200 : 83), buffer = Buffer(used, threshold);
        TrialTensor o = Result(queries, BFloat16), sums = Result(new(g.Sequences, g.Heads, g.SequenceLength), Float32), share = Result(new(1), Float32);
        var op = new Attention(g, window, Scale(g)) { HasPattern = true };
        trial.Run(op, (binding, call) => AttentionOps.Attention(binding, call, op, forward ?? tiles.Forward), [q, k, v, starts, buffer], [o, sums, share]);
        // With a threshold what is left out is the GPU's own: its gradient goes on with its own output.
        double[] output = threshold > 0 ? o.Actual : o.Expected, statistics = threshold > 0 ? sums.Actual : sums.Expected;
        TrialTensor ofForward = new(queries, BFloat16, i => output[i]), ofSums = new(sums.Shape, Float32, i => statistics[i]), dO = operands.Numbers(queries, BFloat16);
        TrialTensor dQ = Result(queries, BFloat16, Gap), dK = Result(keys, BFloat16, Gap), dV = Result(keys, BFloat16, Gap);
        var gradient = new AttentionGradient(g, window, Scale(g)) { HasPattern = true };
        trial.Run(gradient, (binding, call) => AttentionOps.AttentionGradient(binding, call, gradient, tiles), [q, k, v, ofForward, ofSums, starts, dO, buffer], [dQ, dK, dV]);
        return [q, k, v, starts, o, sums, share, dO, dQ, dK, dV];
    }

    /// <summary>Stretches of tokens whose keys and queries are alike, and so far from those of other stretches that these may be left out, but weigh enough together to be missed.</summary>
    static TrialTensor Stretches(AttentionGeometry g, Shape shape, double threshold)
    {
        int[] ends = [80, 160, 232, 320]; // one within a panel, whose radius then matters
        var random = new Random(4);
        double strength = Math.Sqrt((1 - Math.Log(threshold)) / Scale(g));
        return new TrialTensor(shape, BFloat16, i => (i % g.HeadDim == ends.Count(end => i / shape.Columns % g.SequenceLength >= end) ? strength : 0) + 0.05 * (2 * random.NextDouble() - 1), Gap);
    }

    static AttentionPattern[] Turn(int heads, int shift) => [.. Enumerable.Range(shift, heads).Select(i => patterns[i % patterns.Length])];

    static TrialTensor Buffer(AttentionPattern[] used, double threshold)
    {
        var buffer = new int[AttentionPatternBuffer.Length(used.Length)];
        AttentionPatternBuffer.Write(used, (float)threshold, buffer);
        return new TrialTensor(new Shape(buffer.Length), DataType.Int32, i => buffer[i]);
    }

    static TrialTensor Starts(AttentionGeometry g, bool packed, int length = 0)
        => new(new Shape(g.Tokens), DataType.Int32, i => packed ? i % g.SequenceLength / length * length : 0);

    static float Scale(AttentionGeometry g) => 1 / MathF.Sqrt(g.HeadDim);

    static GpuProperties Gpu(int major, int minor, int sharedKibibytes)
        => new($"sm_{major}{minor}", major, minor, Multiprocessors: 132, MemoryBytes: 80L << 30, SharedMemoryPerBlock: sharedKibibytes << 10, SecondLevelCacheBytes: 50 << 20, DriverVersion: 12040);
}
