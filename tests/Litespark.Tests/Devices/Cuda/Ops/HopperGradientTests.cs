using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>Gradients of block-sparse weights by Hopper's copy engine and warpgroup products.</summary>
public sealed class HopperGradientTests
{
    const string Pairs = "tile_pairs.cuh", Storing = "Storing = 4", AddingUp = "AddingUp = 10";

    static readonly int[] rows = [0, 128, 256, 384];
    static readonly SparseKernel kernel = new(HopperTile.Pair);

    /// <summary>Rows with an even and with an odd number of live blocks, or none; the last step ends within.</summary>
    [EmulatedTheory]
    [InlineData(1, 8, 0, false, true, false)]
    [InlineData(2, 0, 8, true, false, false)]
    [InlineData(3, 0, 0, false, false, true)]
    [InlineData(4, 8, 8, true, true, true)]
    public void Gradients_of_live_blocks_or_of_all(int seed, int gap, int shift, bool accumulate, bool zeroDead, bool isDense)
    {
        using var trial = new BlockSparseTrial(90 + seed, rows, columns: 640, blockColumns: 128);
        BlockSparseGradient.Check(trial, tokens: 75, gap, shift, accumulate, zeroDead, isDense, kernel);
        BlockSparseGradient.Check(trial, tokens: 5, gap, shift, accumulate, zeroDead, isDense, kernel);
    }

    [EmulatedTheory]
    [InlineData(0.0)]
    [InlineData(1.0)]
    public void No_block_or_all_of_them(double density)
    {
        using var trial = new BlockSparseTrial(96, rows, columns: 384, blockColumns: 128);
        trial.Rewrite(density);
        BlockSparseGradient.Check(trial, tokens: 40, 0, 0, accumulate: true, zeroDead: true, isDense: false, kernel);
    }

    [EmulatedTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Blocks_of_256_by_384(bool isDense)
    {
        using var trial = new BlockSparseTrial(97, [0, 256, 512], columns: 768, blockColumns: 384);
        trial.Rewrite(0.6);
        BlockSparseGradient.Check(trial, tokens: 40, 0, 0, accumulate: false, zeroDead: true, isDense, kernel);
    }

    /// <summary>Few pairs for many multiprocessors: each in parts of the tokens. On five, some are whole and the others are not.</summary>
    [EmulatedTheory]
    [InlineData(132, false, false)]
    [InlineData(132, true, true)]
    [InlineData(5, true, false)]
    [InlineData(5, false, true)]
    public void Sums_over_tokens_in_parts(int multiprocessors, bool accumulate, bool isDense)
    {
        using var trial = new BlockSparseTrial(98, rows, columns: 640, blockColumns: 128, Planted(), multiprocessors);
        BlockSparseGradient.Check(trial, tokens: 300, 0, 0, accumulate, zeroDead: true, isDense, kernel);
    }

    /// <summary>As it is on a GPU: 24 steps are enough for parts.</summary>
    [EmulatedFact]
    public void Long_sums_in_parts()
    {
        using var trial = new BlockSparseTrial(99, [0, 128], columns: 256, blockColumns: 128, multiprocessors: 132);
        trial.Rewrite(1);
        BlockSparseGradient.Check(trial, tokens: 64 * 24 - 7, 0, 0, accumulate: false, zeroDead: true, isDense: false, kernel);
    }

    /// <summary>Launches are recorded once; then other blocks live, and the gradients of all are asked for. The same blocks give the same bits.</summary>
    [EmulatedFact]
    public void A_recording_follows_the_topology()
    {
        using var trial = new BlockSparseTrial(100, rows, columns: 384, blockColumns: 128, Planted(), multiprocessors: 7);
        const int Tokens = 200;
        float[] a = trial.Numbers(Tokens * trial.Rows), b = trial.Numbers(Tokens * trial.Columns);
        GemmMatrix dw = trial.Matrix(new float[trial.Rows * trial.Columns], trial.Columns, Float32);
        using ICudaCall call = BlockSparseKernels.WeightGradient(trial.Binding, trial.Grid, Tokens, trial.Matrix(a, trial.Rows, BFloat16), trial.Matrix(b, trial.Columns, BFloat16), dw, accumulate: false, zeroDead: true, kernel);
        using CudaGraph graph = trial.Record(call);
        foreach ((double density, bool isDense) in new[] { (0.3, false), (0.7, false), (0.2, true), (0.5, false) })
        {
            trial.Rewrite(density, isDense);
            trial.Launch(graph);
            float[] first = trial.Read(dw, trial.Rows, trial.Columns);
            BlockSparseTrial.AssertClose($"{density}", BlockSparseGradient.Expected(trial, Tokens, a, b, isDense, 0), first, 1e-5);
            trial.Launch(graph);
            Assert.Equal(first, trial.Read(dw, trial.Rows, trial.Columns));
        }
    }

    /// <summary>Where addresses allow no copies of boxes, or blocks are no whole tiles, the kernel for all tensor cores sums.</summary>
    [EmulatedFact]
    public void What_does_not_suit_is_left_to_the_other_kernel()
    {
        using (var trial = new BlockSparseTrial(101, [0, 128], columns: 256, blockColumns: 128)) BlockSparseGradient.Check(trial, 20, gap: 3, shift: 1, accumulate: false, zeroDead: true, isDense: false, kernel);
        using (var trial = new BlockSparseTrial(102, [0, 128, 192], columns: 256, blockColumns: 128)) BlockSparseGradient.Check(trial, 20, 0, 0, accumulate: false, zeroDead: true, isDense: false, kernel);
    }

    /// <summary>Each operand by itself: one whose address or rows miss 16 bytes is enough for the other kernel.</summary>
    [EmulatedTheory]
    [InlineData(0, 0, 0, 0, true)]
    [InlineData(4, 0, 0, 0, false)]
    [InlineData(0, 4, 0, 0, false)]
    [InlineData(0, 0, 2, 0, false)]
    [InlineData(0, 0, 0, 2, false)]
    public void Operands_at_any_address(int shiftA, int gapB, int shiftDw, int gapDw, bool suits)
    {
        const int Tokens = 20;
        using var trial = new BlockSparseTrial(103, [0, 128], columns: 256, blockColumns: 128);
        float[] a = trial.Numbers(Tokens * trial.Rows), b = trial.Numbers(Tokens * trial.Columns);
        GemmMatrix dw = trial.Matrix(new float[trial.Rows * trial.Columns], trial.Columns, Float32, gapDw, shiftDw);
        using ICudaCall call = BlockSparseKernels.WeightGradient(trial.Binding, trial.Grid, Tokens, trial.Matrix(a, trial.Rows, BFloat16, shift: shiftA),
            trial.Matrix(b, trial.Columns, BFloat16, gapB), dw, accumulate: false, zeroDead: true);
        Assert.Equal(suits ? 3 : 1, trial.Binding.Launches.Count); // Hopper's sums, adds parts up and zeroes in kernels of their own
        trial.Run(call);
        BlockSparseTrial.AssertClose("gradient", BlockSparseGradient.Expected(trial, Tokens, a, b, isDense: false, 0), trial.Read(dw, trial.Rows, trial.Columns), 1e-5);
    }

    [EmulatedTheory]
    [InlineData("block_sparse_weight_gradient_hopper.cu", "pair.second < 0 ? StageBytes - TileBytes : StageBytes", "StageBytes")] // waits for what never comes
    [InlineData("block_sparse_weight_gradient_hopper.cu", "ring.b() + TileBytes + panel", "ring.b() + panel")] // of a pair the second tile alone
    [InlineData("block_sparse_weight_gradient_hopper.cu", "store_tile(sums, ring.staged, finish, tile.row + group * GroupRows, tile.column, tile.second", "store_tile(sums, ring.staged, finish, tile.row + group * GroupRows, tile.column, tile.column + 128")]
    [InlineData("block_sparse_weight_gradient_hopper.cu", "part * cut.rest + number", "part + number * cut.parts")]
    [InlineData("block_sparse_weight_gradient_hopper.cu", "part < cut.parts", "part < cut.parts - 1")]
    [InlineData(Pairs, "(tiles * right + row) / 2;", "(tiles * right + 1) / 2;")] // rows that have no number for a last, single tile
    [InlineData(Pairs, "(piece - whole) / rest * each", "(piece - whole) / rest * (each - 1)")]
    [InlineData(Pairs, "parts == 1 ? -1", "rest == 1 ? -1")]
    public void Mistakes_would_be_noticed(string file, string text, string wrong) => KernelBugs.AssertFound(file, text, wrong, texts =>
    {
        foreach (int multiprocessors in new[] { 4, 17 })
        {
            using var trial = new BlockSparseTrial(110 + texts.Seed, rows, columns: 640, blockColumns: 128, Planted(texts.Texts), multiprocessors);
            trial.Rewrite(0.6);
            BlockSparseGradient.Check(trial, 300, 0, 0, accumulate: false, zeroDead: true, isDense: false, kernel);
        }
    });

    /// <summary>Kernels for which parts cost nothing: they are taken for sums that a test can afford.</summary>
    static Dictionary<string, string> Planted(IReadOnlyDictionary<string, string>? texts = null)
    {
        string pairs = texts?.GetValueOrDefault(Pairs) ?? KernelText.Read(Pairs);
        Assert.Contains(Storing, pairs, StringComparison.Ordinal);
        Assert.Contains(AddingUp, pairs, StringComparison.Ordinal);
        return new(texts ?? new Dictionary<string, string>()) { [Pairs] = pairs.Replace(Storing, "Storing = 0", StringComparison.Ordinal).Replace(AddingUp, "AddingUp = 0", StringComparison.Ordinal) };
    }
}
