using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda.Ops;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.SelfTesting;
using Litespark.Tests.Devices.Cuda.Libraries;
using static Litespark.Graphs.DataType;
using DeviceTrial = Litespark.SelfTesting.OpTrial;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>Products of heads in cuBLASLt's batches, by its stand-in on an emulated GPU.</summary>
public sealed class HeadBatchesTests
{
    /// <summary>Each sequences, tokens, query heads, key heads, columns, and the calls that its scores and their mix take: the longest axis is the batch.</summary>
    public static TheoryData<int, int, int, int, int, int> Geometries => new()
    {
        { 1, 1, 1, 1, 8, 1 },
        { 1, 12, 6, 6, 8, 1 }, // heads of one sequence
        { 3, 8, 4, 4, 16, 3 }, // of several: sequences lie at other distances than heads
        { 5, 7, 2, 2, 8, 2 }, // more sequences than heads
        { 2, 11, 8, 2, 8, 4 }, // four query heads share a key head
        { 2, 10, 6, 3, 5, 4 }, // more key heads than query heads of each, at odd addresses
        { 1, 6, 4, 1, 8, 1 }, // all share one
    };

    static HeadProduct Op(HeadProductKind kind, AttentionGeometry g) => new(kind, g, 0.3f);

    static OpCase Case(HeadProductKind kind, AttentionGeometry g)
    {
        OperandSpec squares = new(new Shape(g.Sequences, g.Heads, g.SequenceLength, g.SequenceLength)), queries = new(new Shape(g.Tokens, g.Heads * g.HeadDim)), keys = new(new Shape(g.Tokens, g.KeyValueHeads * g.HeadDim));
        return new OpCase($"{kind}", _ => Op(kind, g), kind switch
        {
            HeadProductKind.Scores => [queries, keys],
            HeadProductKind.Mix => [squares, keys],
            _ => [squares, queries],
        });
    }

    [EmulatedStandInTheory]
    [MemberData(nameof(Geometries))]
    public void They_are_the_cpus(int sequences, int tokens, int heads, int keyHeads, int headDim, int calls)
    {
        var g = new AttentionGeometry(sequences, tokens, heads, keyHeads, headDim);
        using var cpu = new CpuDevice(1);
        foreach (DataType precision in (DataType[])[BFloat16, Float32])
        {
            using var gpu = new EmulatedCublasLt(precision: precision);
            foreach (HeadProductKind kind in Enum.GetValues<HeadProductKind>())
                foreach (OperandLayout layout in (OperandLayout[])[OperandLayout.Separate, OperandLayout.Views])
                {
                    TrialResult result = Assert.Single(DeviceTrial.Run(gpu.Device, cpu, Case(kind, g), layout, seed: 5));
                    Assert.True(result.Passed, $"{precision}, {kind}, {layout}: {result.Error:g3}");
                    Assert.Equal("cuBLASLt", result.Library);
                    int timed = gpu.Calls;
                    Assert.Equal(result, Assert.Single(DeviceTrial.Run(gpu.Device, cpu, Case(kind, g), layout, seed: 5))); // to the bit, and nothing is timed again
                    // Sums over the query heads of a key head: sequence by sequence, the products of all their heads.
                    Assert.Equal(kind == HeadProductKind.MixTransposed && heads > keyHeads ? sequences : calls, gpu.Calls - timed);
                }
        }
    }

    [EmulatedStandInFact]
    public void What_the_library_does_not_do_own_kernels_do()
    {
        using var cpu = new CpuDevice(1);
        using var gpu = new EmulatedCublasLt();
        var g = new AttentionGeometry(2, 13, 4, 2, 13); // the stand-in has no products with 13 columns
        foreach (HeadProductKind kind in Enum.GetValues<HeadProductKind>())
            Assert.True(Assert.Single(DeviceTrial.Run(gpu.Device, cpu, Case(kind, g), OperandLayout.Separate, seed: 5)) is { Passed: true, Library: null }, $"{kind}");
    }

    /// <summary>HFU counts what is executed: whole squares of every query head.</summary>
    [Theory]
    [MemberData(nameof(Geometries))]
    public void Their_work_is_what_the_op_counts(int sequences, int tokens, int heads, int keyHeads, int headDim, int calls)
    {
        var g = new AttentionGeometry(sequences, tokens, heads, keyHeads, headDim);
        foreach (HeadProductKind kind in Enum.GetValues<HeadProductKind>())
        {
            int width = g.HeadDim, square = tokens * tokens, group = heads / keyHeads;
            GemmMatrix Rows(int count, int step = 1) => new(4096, BFloat16, count * width, (long)tokens * count * width, step * width, width);
            GemmMatrix squares = new(4096, BFloat16, tokens, heads * square, square, square);
            Gemm product = kind switch
            {
                HeadProductKind.Scores => new(tokens, tokens, width, Rows(heads), false, Rows(keyHeads), true, squares) { Heads = heads, Group = group },
                HeadProductKind.Mix => new(tokens, width, tokens, squares, false, Rows(keyHeads), false, Rows(heads)) { Heads = heads, Group = group },
                _ => new(tokens, width, tokens, squares with { Head = group * square }, true, Rows(heads, group), false, Rows(keyHeads)) { Heads = keyHeads, Segments = group },
            };
            HeadBatches asked = HeadBatches.Asked(product with { Sequences = sequences }, sequence: 0, partials: 4096);
            int times = product.Segments > 1 ? sequences : 1;
            Assert.Equal(2 * g.AllPairs * width, times * asked.Calls.Count * asked.Problem.Flops);
            Assert.Equal(asked.Calls.Count, asked.Calls.Distinct().Count());
            if (kind != HeadProductKind.MixTransposed) Assert.Equal(calls, asked.Calls.Count);
        }
    }
}
