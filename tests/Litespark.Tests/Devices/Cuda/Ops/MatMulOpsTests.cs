using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;
using static Litespark.Tests.Devices.Cuda.Ops.TrialOperands;

namespace Litespark.Tests.Devices.Cuda.Ops;

public sealed class MatMulOpsTests
{
    readonly TrialOperands operands = new();

    /// <summary>Shapes with tails in every direction, in all orientations, at aligned and at odd addresses.</summary>
    [EmulatedTheory]
    [InlineData(1, 1, 1, false, true, 0, 0)]
    [InlineData(70, 100, 45, false, true, 0, 0)]
    [InlineData(72, 104, 40, false, true, 8, 0)]
    [InlineData(72, 104, 40, false, false, 8, 0)]
    [InlineData(72, 104, 40, true, false, 8, 0)]
    [InlineData(72, 104, 40, true, true, 8, 0)]
    [InlineData(65, 67, 33, false, false, 3, 1)]
    [InlineData(65, 67, 33, true, false, 3, 1)]
    [InlineData(65, 67, 33, true, true, 0, 1)]
    [InlineData(3, 300, 200, false, true, 0, 0)]
    public void Product_on_tensor_cores(int m, int n, int k, bool transposeA, bool transposeB, int gap, int shift)
    {
        using var trial = new OpTrial(seed: (uint)(m + gap));
        Shape c = new(m, n);
        TrialTensor a = operands.Numbers(transposeA ? new(k, m) : new(m, k), BFloat16, gap, shift), b = operands.Numbers(transposeB ? new(n, k) : new(k, n), BFloat16, gap, shift);
        TrialTensor y = Result(c, BFloat16, gap, shift), wide = operands.Numbers(c, Float32, gap);
        var op = new MatMul(transposeA, transposeB, Alpha: 0.5f);
        Run(trial, op, [a, b], y);
        y.AssertClose("bf16", Tolerance(BFloat16));
        Run(trial, (MatMul)op.WithAddend(0), [a, b, wide], wide);
        wide.AssertClose("added to fp32", Tolerance(Float32, 1e-5));
    }

    [EmulatedTheory]
    [InlineData(BFloat16, BFloat16)]
    [InlineData(BFloat16, Float32)]
    [InlineData(Float32, Float32)]
    public void Bias_goes_to_every_row(DataType type, DataType biasType)
    {
        using var trial = new OpTrial(seed: 3);
        TrialTensor y = Result(new(33, 70), type), added = operands.Numbers(new(33, 70), type);
        TrialTensor[] inputs = [operands.Numbers(new(33, 48), type), operands.Numbers(new(70, 48), type), operands.Numbers(new(70), biasType)];
        var op = new MatMul(false, true, HasBias: true);
        Run(trial, op, inputs, y);
        Run(trial, (MatMul)op.WithAddend(0), [.. inputs, added], added);
        y.AssertClose("bias", Tolerance(type, 1e-5));
        added.AssertClose("bias, added", Tolerance(type, 1e-5));
    }

    [EmulatedTheory]
    [InlineData(false, true)]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Product_in_fp32(bool transposeA, bool transposeB)
    {
        using var trial = new OpTrial(seed: 5);
        (int m, int n, int k) = (67, 130, 85);
        TrialTensor a = operands.Numbers(transposeA ? new(k, m) : new(m, k), Float32, 3), b = operands.Numbers(transposeB ? new(n, k) : new(k, n), Float32, 1), y = Result(new(m, n), Float32, 2);
        Run(trial, new MatMul(transposeA, transposeB), [a, b], y);
        y.AssertClose("fp32", Tolerance(Float32, 1e-5));
    }

    /// <summary>Every block size, and sums split into parts that are added in order.</summary>
    [EmulatedTheory]
    [InlineData(0, 1, 130, 260, 72)]
    [InlineData(1, 1, 130, 140, 72)]
    [InlineData(1, 2, 130, 140, 72)]
    [InlineData(2, 3, 66, 70, 500)]
    [InlineData(2, 7, 5, 9, 230)]
    public void Cuts(int tile, int splits, int m, int n, int k)
    {
        using var trial = new OpTrial(seed: (uint)splits);
        TrialTensor a = operands.Numbers(new(k, m), BFloat16), b = operands.Numbers(new(k, n), BFloat16), y = operands.Numbers(new(m, n), Float32);
        var op = (MatMul)new MatMul(true, false).WithAddend(0);
        trial.Run(op, (binding, call) => MatMulOps.Product(binding, call, op).Bind(binding, new GemmCut(GemmTile.TensorCore[tile], splits)), [a, b, y], [y]);
        y.AssertClose("cut", Tolerance(Float32, 1e-5));
    }

    [EmulatedFact]
    public void Split_sums_in_fp32()
    {
        using var trial = new OpTrial(seed: 1);
        TrialTensor a = operands.Numbers(new(20, 400), Float32), b = operands.Numbers(new(30, 400), Float32), y = Result(new(20, 30), BFloat16);
        var op = new MatMul(false, true);
        trial.Run(op, (binding, call) => MatMulOps.Product(binding, call, op).Bind(binding, new GemmCut(GemmTile.Plain, 4)), [a, b], [y]);
        y.AssertClose("split", Tolerance(BFloat16, 1e-5));
    }

    /// <summary>Waits and barriers that are missing are found by one seed or another.</summary>
    [EmulatedTheory]
    [InlineData("wait_copies<STAGES - 2>();", "wait_copies<STAGES - 1>();")]
    [InlineData("wait_copies<STAGES - 2>();\n        __syncthreads();", "wait_copies<STAGES - 2>();")]
    [InlineData("source.load(stages + write * StageLength);", "source.load(stages + read * StageLength);")]
    [InlineData("    wait_copies<0>();\n    __syncthreads();", "")]
    [InlineData("        __syncwarp();\n        #pragma unroll 1", "        #pragma unroll 1")]
    public void Planted_bug_is_found(string text, string wrong)
        => KernelBugs.AssertFound("gemm_steps.cuh", text, wrong, texts =>
        {
            using var trial = new OpTrial((uint)texts.Seed, multiprocessors: 132, texts.Texts);
            TrialTensor y = Result(new(66, 70), Float32);
            Run(trial, new MatMul(false, true), [operands.Numbers(new(66, 264), BFloat16), operands.Numbers(new(70, 264), BFloat16)], y);
            y.AssertClose("y", Tolerance(Float32, 1e-5));
        });

    [EmulatedTheory]
    [InlineData(2, 70, 4, 2, 16, BFloat16)]
    [InlineData(2, 72, 2, 2, 24, BFloat16)]
    [InlineData(1, 33, 6, 2, 10, BFloat16)]
    [InlineData(2, 37, 4, 1, 12, Float32)]
    public void Products_of_heads(int sequences, int tokens, int heads, int keyHeads, int headDim, DataType type)
    {
        const int Gap = 8;
        using var trial = new OpTrial(seed: (uint)tokens);
        var g = new AttentionGeometry(sequences, tokens, heads, keyHeads, headDim);
        Shape square = new(sequences, heads, tokens, tokens), queries = new(g.Tokens, heads * headDim), keys = new(g.Tokens, keyHeads * headDim);
        TrialTensor scores = Result(square, type), mixed = Result(queries, type, Gap), transposed = Result(keys, type, Gap);
        TrialTensor p = operands.Numbers(square, type, scale: 0.1), x = operands.Numbers(queries, type, Gap), y = operands.Numbers(keys, type, Gap);
        RunHeads(trial, new HeadProduct(HeadProductKind.Scores, g, 0.3f), x, y, scores);
        RunHeads(trial, new HeadProduct(HeadProductKind.Mix, g, 0.7f), p, y, mixed);
        RunHeads(trial, new HeadProduct(HeadProductKind.MixTransposed, g, 1.1f), p, x, transposed);
        scores.AssertClose("scores", Tolerance(type, 1e-5));
        mixed.AssertClose("mix", Tolerance(type, 1e-5));
        transposed.AssertClose("transposed mix", Tolerance(type, 1e-5));
    }

    static void Run(OpTrial trial, MatMul op, TrialTensor[] inputs, TrialTensor y) => trial.Run(op, (binding, call) => MatMulOps.MatMul(binding, call, op), inputs, [y]);

    static void RunHeads(OpTrial trial, HeadProduct op, TrialTensor x, TrialTensor y, TrialTensor z) => trial.Run(op, (binding, call) => MatMulOps.Product(binding, call, op).Bind(binding), [x, y], [z]);
}
