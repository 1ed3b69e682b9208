using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>Kernels over block-sparse weights against sums in double precision.</summary>
public sealed class BlockSparseKernelsTests
{
    const double Exact = 1e-5, Rounded = 1.0 / 256;

    // Block rows of two members, the first of which ends within a block; then boundaries that allow no 16-byte accesses.
    static readonly int[] members = [0, 64, 128, 152, 216], odd = [0, 20, 33, 53];

    public static TheoryData<int, bool, int, int> Products() => new()
    {
        { 1, true, 0, 0 }, { 2, true, 8, 0 }, { 3, false, 0, 0 }, { 4, false, 8, 0 }, { 5, true, 3, 1 }, { 6, false, 3, 1 },
    };

    [EmulatedTheory]
    [MemberData(nameof(Products))]
    public void Products_go_through_the_live_blocks(int seed, bool transpose, int gap, int shift)
    {
        using var trial = new BlockSparseTrial(seed, members, columns: 184, blockColumns: 64);
        BlockSparseProduct.Check(trial, tokens: 70, transpose, gap, shift, accumulate: false, hasBias: seed % 2 == 0);
        BlockSparseProduct.Check(trial, tokens: 5, transpose, gap, shift, accumulate: true, hasBias: seed % 2 == 1);
    }

    [EmulatedTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Blocks_of_128_and_of_odd_sizes(bool transpose)
    {
        using (var trial = new BlockSparseTrial(7, [0, 128, 256], columns: 256, blockColumns: 128)) BlockSparseProduct.Check(trial, 130, transpose, 0, 0, accumulate: false, hasBias: true);
        using (var trial = new BlockSparseTrial(8, odd, columns: 50, blockColumns: 21)) BlockSparseProduct.Check(trial, 9, transpose, 1, 0, accumulate: true, hasBias: true);
        using (var trial = new BlockSparseTrial(9, [0, 192, 384], columns: 384, blockColumns: 192)) BlockSparseProduct.Check(trial, 33, transpose, 0, 0, accumulate: false, hasBias: false); // blocks of several tiles
    }

    [EmulatedTheory]
    [InlineData(0.0)]
    [InlineData(1.0)]
    public void No_block_or_all_of_them(double density)
    {
        using var trial = new BlockSparseTrial(10, members, columns: 184, blockColumns: 64);
        foreach (bool transpose in new[] { true, false })
        {
            trial.Rewrite(density);
            BlockSparseProduct.Check(trial, 40, transpose, 0, 0, accumulate: true, hasBias: true);
            BlockSparseGradient.Check(trial, 40, 0, 0, accumulate: false, zeroDead: true, isDense: false);
        }
    }

    [EmulatedTheory]
    [InlineData(11, 0, 0, false, true, false)]
    [InlineData(12, 8, 0, true, false, false)]
    [InlineData(13, 0, 0, false, false, false)]
    [InlineData(14, 3, 1, true, true, false)]
    [InlineData(15, 0, 0, false, true, true)]
    [InlineData(16, 8, 0, true, false, true)]
    public void Gradients_of_live_blocks_or_of_all(int seed, int gap, int shift, bool accumulate, bool zeroDead, bool isDense)
    {
        using (var trial = new BlockSparseTrial(seed, members, columns: 184, blockColumns: 64)) BlockSparseGradient.Check(trial, 75, gap, shift, accumulate, zeroDead, isDense);
        using (var trial = new BlockSparseTrial(seed, odd, columns: 50, blockColumns: 21)) BlockSparseGradient.Check(trial, 33, gap, shift, accumulate, zeroDead, isDense);
    }

    [EmulatedFact]
    public void Gradients_of_blocks_of_128()
    {
        using var trial = new BlockSparseTrial(17, [0, 128, 256], columns: 256, blockColumns: 128);
        BlockSparseGradient.Check(trial, 40, 0, 0, accumulate: false, zeroDead: true, isDense: false);
    }

    [EmulatedTheory]
    [InlineData(21, 64)]
    [InlineData(22, 21)]
    [InlineData(23, 8)]
    [InlineData(24, 1)]
    public void Norms_sums_and_zeros(int seed, int blockColumns)
    {
        foreach (var type in new[] { BFloat16, Float32 })
        {
            using BlockSparseTrial trial = Of(seed, blockColumns);
            float[] values = trial.Numbers(trial.Rows * trial.Columns);
            GemmMatrix x = trial.Matrix(values, trial.Columns, type), norms = trial.Matrix(new float[trial.Count], trial.Count, Float32), sum = trial.Matrix([2], 1, Float32);
            using (ICudaCall call = BlockSparseKernels.Norms(trial.Binding, trial.Grid, x, norms.Address)) trial.Run(call);
            double[] means = [.. Enumerable.Range(0, trial.Count).Select(block => Elements(trial, values).Where(item => item.Block == block).Average(item => Math.Abs((double)item.Value)))];
            BlockSparseTrial.AssertClose("norms", means, trial.Read(norms, 1, trial.Count), Exact);

            using (ICudaCall call = BlockSparseKernels.SumOfSquares(trial.Binding, trial.Grid, x, sum.Address, accumulate: true)) trial.Run(call);
            double squares = Elements(trial, values).Where(item => trial.Live[item.Block]).Sum(item => (double)item.Value * item.Value);
            BlockSparseTrial.AssertClose("sum of squares", [2 + squares], trial.Read(sum, 1, 1), Exact);

            using (ICudaCall call = BlockSparseKernels.ZeroDead(trial.Binding, trial.Grid, x, isGradient: false)) trial.Run(call);
            float[] zeroed = [.. Elements(trial, values).Select(item => trial.Live[item.Block] ? item.Value : 0)];
            Assert.Equal(zeroed, trial.Read(x, trial.Rows, trial.Columns));

            // Of a gradient nothing is dead while those of all blocks are wanted.
            trial.Rewrite(0.1, denseGradients: true);
            using (ICudaCall call = BlockSparseKernels.ZeroDead(trial.Binding, trial.Grid, x, isGradient: true)) trial.Run(call);
            Assert.Equal(zeroed, trial.Read(x, trial.Rows, trial.Columns));
            using (ICudaCall call = BlockSparseKernels.ZeroDead(trial.Binding, trial.Grid, x, isGradient: false)) trial.Run(call);
            Assert.Equal(Elements(trial, zeroed).Select(item => trial.Live[item.Block] ? item.Value : 0), trial.Read(x, trial.Rows, trial.Columns));
        }
    }

    [EmulatedTheory]
    [InlineData(31, 64, true)]
    [InlineData(32, 64, false)]
    [InlineData(33, 21, true)]
    [InlineData(34, 8, true)]
    [InlineData(35, 1, false)]
    public void AdamW_moves_live_blocks_alone(int seed, int blockColumns, bool hasCopy)
    {
        using BlockSparseTrial trial = Of(seed, blockColumns);
        const double Rate = 0.01, Beta1 = 0.9f, Beta2 = 0.95f, Epsilon = 1e-8f, Decay = 0.1f, Clip = 0.5, First = 0.19, Second = 0.0975;
        int length = trial.Rows * trial.Columns;
        float[] w = trial.Numbers(length), g = trial.Numbers(length), m = trial.Numbers(length), v = [.. trial.Numbers(length).Select(Math.Abs)];
        GemmMatrix Put(float[] values) => trial.Matrix(values, trial.Columns, Float32);
        (GemmMatrix weight, GemmMatrix gradient, GemmMatrix mean, GemmMatrix square) = (Put(w), Put(g), Put(m), Put(v));
        GemmMatrix copy = hasCopy ? trial.Matrix(w, trial.Columns, BFloat16) : default;
        nint schedule = trial.Put(new[] { (float)Rate, (float)First, (float)Second }), clip = trial.Put(new[] { (float)Clip });
        using (ICudaCall call = BlockSparseKernels.AdamW(trial.Binding, trial.Grid, weight, gradient.Address, mean.Address, square.Address, copy, schedule, clip, 0.9f, 0.95f, 1e-8f, 0.1f)) trial.Run(call);
        double[] wantedMean = new double[length], wantedSquare = new double[length], wanted = new double[length];
        for (int i = 0; i < length; i++)
        {
            (wanted[i], wantedMean[i], wantedSquare[i]) = (w[i], m[i], v[i]);
            if (!trial.IsLive(i / trial.Columns, i % trial.Columns)) continue;
            double clipped = Clip * g[i];
            wantedMean[i] = m[i] + (1 - Beta1) * (clipped - m[i]);
            wantedSquare[i] = Beta2 * v[i] + (1 - Beta2) * clipped * clipped;
            wanted[i] = w[i] * (1 - Rate * Decay) - Rate / First * wantedMean[i] / (Math.Sqrt(wantedSquare[i]) / Math.Sqrt(Second) + Epsilon);
        }

        BlockSparseTrial.AssertClose("m", wantedMean, trial.Read(mean, trial.Rows, trial.Columns), Exact);
        BlockSparseTrial.AssertClose("v", wantedSquare, trial.Read(square, trial.Rows, trial.Columns), Exact);
        BlockSparseTrial.AssertClose("weight", wanted, trial.Read(weight, trial.Rows, trial.Columns), Exact);
        if (hasCopy) BlockSparseTrial.AssertClose("copy", wanted, trial.Read(copy, trial.Rows, trial.Columns), Rounded);
        Assert.True(trial.Live.Any(live => live) && !trial.Live.All(live => live));
    }

    /// <summary>A graph is recorded once; then other blocks live, and the gradients of all are asked for.</summary>
    [EmulatedFact]
    public void A_recording_follows_the_topology()
    {
        using var trial = new BlockSparseTrial(41, members, columns: 184, blockColumns: 64);
        const int Tokens = 24;
        float[] a = trial.Numbers(Tokens * trial.Rows), b = trial.Numbers(Tokens * trial.Columns);
        GemmMatrix dw = trial.Matrix(new float[trial.Rows * trial.Columns], trial.Columns, Float32);
        using ICudaCall call = BlockSparseKernels.WeightGradient(trial.Binding, trial.Grid, Tokens, trial.Matrix(a, trial.Rows, BFloat16), trial.Matrix(b, trial.Columns, BFloat16), dw, accumulate: false, zeroDead: true);
        using CudaGraph graph = trial.Record(call);
        foreach ((double density, bool isDense) in new[] { (0.3, false), (0.7, false), (0.2, true), (0.5, false) })
        {
            trial.Rewrite(density, isDense);
            trial.Launch(graph);
            BlockSparseTrial.AssertClose($"{density}", BlockSparseGradient.Expected(trial, Tokens, a, b, isDense, 0), trial.Read(dw, trial.Rows, trial.Columns), Exact);
        }
    }

    [EmulatedTheory]
    [InlineData("block_sparse_gemm.cu", "list + pointers[block + 1]", "list + pointers[block + 1] - 1")] // the last live block is left out
    [InlineData("block_sparse_gemm.cu", "left = depth - at;", "left = TILE_K;")] // what lies behind the last, narrower block is read
    [InlineData("block_grid.cuh", "list[middle] < j", "list[middle] <= j")] // live blocks are taken for dead
    [InlineData("block_sparse_weight_gradient.cu", "accumulate != 0 && is_live", "0")]
    [InlineData("gemm_steps.cuh", "wait_copies<STAGES - 2>", "wait_copies<STAGES - 1>")]
    public void Mistakes_would_be_noticed(string file, string text, string wrong) => KernelBugs.AssertFound(file, text, wrong, texts =>
    {
        using var trial = new BlockSparseTrial(50 + texts.Seed, members, columns: 184, blockColumns: 64, texts.Texts);
        BlockSparseProduct.Check(trial, 40, transpose: true, 0, 0, accumulate: false, hasBias: false, isPoisoned: true);
        BlockSparseGradient.Check(trial, 70, 0, 0, accumulate: true, zeroDead: false, isDense: false);
    });

    /// <summary>A block for each block of threads, or for a team of them; of one element or of sizes that allow no accesses of 16 bytes.</summary>
    static BlockSparseTrial Of(int seed, int blockColumns) => blockColumns switch
    {
        64 => new(seed, members, columns: 184, blockColumns),
        8 => new(seed, [0, 8, 16, 20, 28], columns: 40, blockColumns),
        1 => new(seed, [.. Enumerable.Range(0, 24)], columns: 37, blockColumns),
        _ => new(seed, odd, columns: 50, blockColumns),
    };

    static IEnumerable<(int Block, float Value)> Elements(BlockSparseTrial trial, float[] values) => values.Select((value, i) => (trial.Block(i / trial.Columns, i % trial.Columns), value));
}
