using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;
using static Litespark.Tests.Devices.Cuda.Ops.TrialOperands;

namespace Litespark.Tests.Devices.Cuda.Ops;

public sealed class AttentionOpsTests
{
    /// <summary>One bf16 rounding of the result, and one of each weight within it.</summary>
    const double Rounded = 1.0 / 128;

    static readonly GpuProperties hopper = Gpu(9, 0, 227), ada = Gpu(8, 9, 99);

    readonly TrialOperands operands = new();

    /// <summary>Which keys queries see.</summary>
    public enum Documents
    {
        /// <summary>A sequence is one document.</summary>
        One,

        /// <summary>Packed documents.</summary>
        Packed,

        /// <summary>Each query has a first key of its own.</summary>
        Wild,
    }

    [EmulatedTheory]
    [InlineData(1, 1, 1, 1, 16, 0, Documents.One)]
    [InlineData(2, 70, 4, 2, 64, 0, Documents.Packed)]
    [InlineData(1, 150, 2, 1, 24, 17, Documents.One)]
    [InlineData(1, 150, 2, 2, 128, 0, Documents.Wild)]
    [InlineData(2, 130, 2, 1, 80, 40, Documents.Packed)]
    [InlineData(1, 75, 3, 1, 48, 0, Documents.Wild)]
    [InlineData(1, 140, 1, 1, 96, 3, Documents.One)]
    [InlineData(1, 75, 2, 1, 256, 0, Documents.Packed)]
    [InlineData(1, 40, 2, 1, 8, 0, Documents.One)]
    [InlineData(1, 70, 1, 1, 136, 0, Documents.Packed)]
    public void Attention_and_its_gradient(int sequences, int tokens, int heads, int keyHeads, int headDim, int window, Documents documents)
        => Compare(new AttentionGeometry(sequences, tokens, heads, keyHeads, headDim), window, documents, hopper, seed: (uint)tokens);

    [EmulatedTheory]
    [InlineData(1, 70, 2, 1, 96, 0, Documents.Packed)]
    [InlineData(1, 70, 1, 1, 128, 50, Documents.One)]
    [InlineData(1, 70, 2, 1, 256, 0, Documents.Packed)]
    public void Tiles_for_little_shared_memory(int sequences, int tokens, int heads, int keyHeads, int headDim, int window, Documents documents)
        => Compare(new AttentionGeometry(sequences, tokens, heads, keyHeads, headDim), window, documents, ada, seed: (uint)headDim);

    /// <summary>Every tile that is timed computes what it should.</summary>
    [EmulatedTheory]
    [InlineData(64)]
    [InlineData(128)]
    public void Smaller_tiles_compute_the_same(int headDim)
    {
        var g = new AttentionGeometry(1, 150, 2, 1, headDim);
        var tiles = new AttentionTiles(headDim, hopper);
        AttentionTile[] forward = [.. tiles.ForwardVariants];
        AttentionTiles[] gradient = [.. tiles.GradientVariants];
        Assert.True(forward.Length > 1 && gradient.Length > 2);
        Assert.Equal((tiles.Forward, tiles.GradientKeys, tiles.GradientQueries), (forward[0], gradient[0].GradientKeys, gradient[0].GradientQueries));
        Assert.Equal(forward.Length, forward.Distinct().Count());
        foreach (AttentionTiles variant in gradient) Compare(g, 0, Documents.Packed, variant, forward[Array.IndexOf(gradient, variant) % forward.Length], seed: 1);
    }

    [Fact]
    public void Tiles_fit_every_GPU()
    {
        foreach (GpuProperties gpu in new[] { hopper, ada, Gpu(8, 0, 163) })
        {
            for (int headDim = 8; headDim <= AttentionTiles.WidestHead; headDim += 8)
            {
                foreach (bool hasPattern in (bool[])[false, true])
                {
                    var tiles = new AttentionTiles(headDim, gpu, hasPattern);
                    foreach (AttentionTile tile in tiles.ForwardVariants.Concat(tiles.GradientVariants.SelectMany(variant => new[] { variant.GradientKeys, variant.GradientQueries })))
                        Assert.True(tile.SharedBytes <= gpu.SharedMemoryPerBlock, $"{headDim} on {gpu.Name}: {tile}");
                    Assert.True(2 * tiles.GradientKeyColumns >= tiles.Columns && tiles.GradientKeyColumns % 16 == 0);
                }
            }
        }
    }

    [EmulatedTheory]
    [InlineData("        wait_copies<0>();\n        __syncthreads();\n        load_rows<KEY_TILE, Threads>(v_tile", "        __syncthreads();\n        load_rows<KEY_TILE, Threads>(v_tile")]
    [InlineData("        wait_copies<0>();\n        __syncthreads();\n        const int next", "        wait_copies<0>();\n        const int next")]
    [InlineData("rows.hide(scores, key);", "")]
    [InlineData("total[i][h] *= correction;", "")]
    [InlineData("row_sum(total[i][h])", "total[i][h]")]
    public void Planted_bug_is_found(string text, string wrong)
        => KernelBugs.AssertFound("attention_forward.cu", text, wrong, texts => Forward(new OpTrial((uint)texts.Seed, texts: texts.Texts), new AttentionGeometry(1, 200, 1, 1, 32), 0, Documents.One, new AttentionTiles(32, hopper).Forward));

    [EmulatedTheory]
    [InlineData("attention_gradient_keys.cu", "        wait_copies<0>();\n        __syncthreads();\n        if (STAGES > 1", "        __syncthreads();\n        if (STAGES > 1")]
    [InlineData("attention_gradient_keys.cu", "        wait_copies<0>();\n        __syncthreads();\n        if (STAGES > 1", "        wait_copies<0>();\n        if (STAGES > 1")]
    [InlineData("attention_query_walk.cuh", "return query >= key + 15", "return query >= key")]
    public void Planted_bug_in_the_gradient_is_found(string file, string text, string wrong)
        => KernelBugs.AssertFound(file, text, wrong, texts => Compare(new AttentionGeometry(1, 200, 2, 1, 32), 0, Documents.One, hopper, (uint)texts.Seed, texts.Texts));

    [EmulatedTheory]
    [InlineData(1, 5, 2, 1, 16, 0, Float32)]
    [InlineData(1, 40, 4, 2, 48, 7, Float32)]
    [InlineData(3, 21, 6, 3, 20, 0, BFloat16)]
    [InlineData(20, 2, 2, 1, 64, 9, BFloat16)]
    public void Cached_attention(int newTokens, int before, int heads, int keyHeads, int headDim, int window, DataType type)
    {
        const int Gap = 4, Spare = 3;
        using var trial = new OpTrial(seed: (uint)before);
        var op = new CachedAttention(heads, keyHeads, headDim, window, 0.3f);
        Shape queries = new(newTokens, heads * headDim), rows = new(newTokens, keyHeads * headDim), cache = new(before + newTokens + Spare, keyHeads * headDim);
        var positions = new TrialTensor(new Shape(newTokens), DataType.Int32, i => before + i);
        TrialTensor keys = operands.Numbers(cache, type), values = operands.Numbers(cache, type), o = Result(queries, type, Gap);
        trial.Run(op, (binding, call) => AttentionOps.CachedAttention(binding, call, op),
            [operands.Numbers(queries, type, Gap), operands.Numbers(rows, type, Gap), operands.Numbers(rows, type, Gap), positions, keys, values], [o]);
        o.AssertClose("o", Tolerance(type, 1e-5));
        keys.AssertClose("keys", 0);
        values.AssertClose("values", 0);
    }

    void Compare(AttentionGeometry g, int window, Documents documents, GpuProperties gpu, uint seed, IReadOnlyDictionary<string, string>? texts = null)
        => Compare(g, window, documents, new AttentionTiles(g.HeadDim, gpu), new AttentionTiles(g.HeadDim, gpu).Forward, seed, texts);

    void Compare(AttentionGeometry g, int window, Documents documents, AttentionTiles gradientTiles, AttentionTile forwardTile, uint seed, IReadOnlyDictionary<string, string>? texts = null)
    {
        const int Gap = 8;
        using var trial = new OpTrial(seed, texts: texts);
        (TrialTensor[] inputs, TrialTensor o, TrialTensor logSumExp) = Forward(trial, g, window, documents, forwardTile);
        Shape queries = new(g.Tokens, g.Heads * g.HeadDim), keys = new(g.Tokens, g.KeyValueHeads * g.HeadDim);
        TrialTensor output = new(queries, BFloat16, i => o.Expected[i]), statistics = new(logSumExp.Shape, Float32, i => logSumExp.Expected[i]);
        TrialTensor dQ = Result(queries, BFloat16, Gap), dK = Result(keys, BFloat16, Gap), dV = Result(keys, BFloat16, Gap);
        var gradient = new AttentionGradient(g, window, Scale(g));
        trial.Run(gradient, (binding, call) => AttentionOps.AttentionGradient(binding, call, gradient, gradientTiles),
            [inputs[0], inputs[1], inputs[2], output, statistics, inputs[3], operands.Numbers(queries, BFloat16)], [dQ, dK, dV]);
        dQ.AssertClose("dQ", Rounded);
        dK.AssertClose("dK", Rounded);
        dV.AssertClose("dV", Rounded);
    }

    (TrialTensor[] Inputs, TrialTensor O, TrialTensor LogSumExp) Forward(OpTrial trial, AttentionGeometry g, int window, Documents documents, AttentionTile tile)
    {
        const int Gap = 16;
        Shape queries = new(g.Tokens, g.Heads * g.HeadDim), keys = new(g.Tokens, g.KeyValueHeads * g.HeadDim);
        TrialTensor o = Result(queries, BFloat16), logSumExp = Result(new(g.Sequences, g.Heads, g.SequenceLength), Float32);
        TrialTensor[] inputs = [operands.Numbers(queries, BFloat16, Gap, scale: 2), operands.Numbers(keys, BFloat16, Gap, scale: 2), operands.Numbers(keys, BFloat16, Gap), Starts(g, documents)];
        var op = new Attention(g, window, Scale(g));
        trial.Run(op, (binding, call) => AttentionOps.Attention(binding, call, op, tile), inputs, [o, logSumExp]);
        o.AssertClose("o", Rounded);
        logSumExp.AssertClose("log-sum-exp", 1e-5);
        return (inputs, o, logSumExp);
    }

    static float Scale(AttentionGeometry g) => 1 / MathF.Sqrt(g.HeadDim);

    static TrialTensor Starts(AttentionGeometry g, Documents documents)
    {
        const int Length = 23;
        var random = new Random(5);
        int[] first = [.. Enumerable.Range(0, g.Tokens).Select(i => documents == Documents.Wild ? random.Next(i % g.SequenceLength + 1) : 0)];
        return new TrialTensor(new Shape(g.Tokens), DataType.Int32, i => documents == Documents.Packed ? i % g.SequenceLength / Length * Length : first[i]);
    }

    static GpuProperties Gpu(int major, int minor, int sharedKibibytes)
        => new($"sm_{major}{minor}", major, minor, Multiprocessors: 132, MemoryBytes: 80L << 30, SharedMemoryPerBlock: sharedKibibytes << 10, SecondLevelCacheBytes: 50 << 20, DriverVersion: 12040);
}
