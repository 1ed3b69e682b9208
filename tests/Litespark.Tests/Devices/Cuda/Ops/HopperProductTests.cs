using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>Products over live blocks by Hopper's copy engine and warpgroup products.</summary>
public sealed class HopperProductTests
{
    static readonly int[] rows = [0, 128, 256, 384, 512];

    public static TheoryData<int, bool, int> Cases()
    {
        var cases = new TheoryData<int, bool, int>();
        for (int seed = 0; seed < 3; seed++)
            foreach (bool transpose in new[] { true, false })
                for (int tile = 0; tile < HopperTile.All.Count; tile++) cases.Add(seed, transpose, tile);
        return cases;
    }

    /// <summary>Several tiles below each other, the last with few rows that exist; all that may be added; dead blocks are not even read.</summary>
    [EmulatedTheory]
    [MemberData(nameof(Cases))]
    public void Products_go_through_the_live_blocks(int seed, bool transpose, int tile)
    {
        var kernel = new SparseKernel(HopperTile.All[tile]);
        using var trial = new BlockSparseTrial(60 + seed, rows, columns: 384, blockColumns: 128);
        BlockSparseProduct.Check(trial, tokens: 259, transpose, gap: 8 * seed, shift: 0, accumulate: seed == 1, hasBias: seed == 2, isPoisoned: true, kernel);
    }

    [EmulatedTheory]
    [InlineData(0.0, true)]
    [InlineData(0.0, false)]
    [InlineData(1.0, true)]
    [InlineData(1.0, false)]
    public void No_block_or_all_of_them(double density, bool transpose)
    {
        using var trial = new BlockSparseTrial(70, [0, 128, 256], columns: 256, blockColumns: 128);
        trial.Rewrite(density);
        foreach (HopperTile tile in HopperTile.All) BlockSparseProduct.Check(trial, tokens: 3, transpose, gap: 0, shift: 8, accumulate: true, hasBias: true, isPoisoned: true, new SparseKernel(tile));
    }

    /// <summary>Blocks of several tiles, and deeper than a stage.</summary>
    [EmulatedTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Blocks_of_256_by_384(bool transpose)
    {
        using var trial = new BlockSparseTrial(71, [0, 256, 512], columns: 768, blockColumns: 384);
        trial.Rewrite(0.6);
        BlockSparseProduct.Check(trial, tokens: 40, transpose, gap: 0, shift: 0, accumulate: false, hasBias: false, isPoisoned: true, new SparseKernel(HopperTile.All[1]));
    }

    /// <summary>The counter is zero again after each launch, whatever lives: a recording goes on being right.</summary>
    [EmulatedFact]
    public void A_recording_follows_the_topology()
    {
        using var trial = new BlockSparseTrial(72, rows, columns: 256, blockColumns: 128);
        const int Tokens = 130;
        float[] x = trial.Numbers(Tokens * trial.Columns), all = trial.Numbers(trial.Rows * trial.Columns);
        GemmMatrix y = trial.Matrix(new float[Tokens * trial.Rows], trial.Rows, Float32);
        using ICudaCall call = BlockSparseKernels.Product(trial.Binding, trial.Grid, Tokens, trial.Matrix(x, trial.Columns, BFloat16), trial.Matrix(all, trial.Columns, BFloat16), true, y, default, 1, false, new SparseKernel(HopperTile.All[0]));
        using CudaGraph graph = trial.Record(call);
        foreach (double density in new[] { 0.3, 0.8, 0.5 })
        {
            trial.Rewrite(density);
            trial.Launch(graph);
            double[] expected = [.. from t in Enumerable.Range(0, Tokens)
                                    from o in Enumerable.Range(0, trial.Rows)
                                    select Enumerable.Range(0, trial.Columns).Where(i => trial.IsLive(o, i)).Sum(i => (double)x[t * trial.Columns + i] * all[o * trial.Columns + i])];
            BlockSparseTrial.AssertClose($"{density}", expected, trial.Read(y, Tokens, trial.Rows), 1e-5);
        }
    }

    /// <summary>Where blocks are no whole tiles, or addresses allow no copies of boxes, the kernel for all tensor cores multiplies.</summary>
    [EmulatedFact]
    public void What_does_not_suit_is_left_to_the_other_kernel()
    {
        var kernel = new SparseKernel(HopperTile.All[0]);
        using (var trial = new BlockSparseTrial(73, [0, 128, 256], columns: 256, blockColumns: 128)) BlockSparseProduct.Check(trial, 20, true, gap: 3, shift: 1, accumulate: false, hasBias: false, kernel: kernel);
        // Rows of the result are 8 bytes off the 16 that a store takes.
        using (var trial = new BlockSparseTrial(75, [0, 128, 256], columns: 256, blockColumns: 128)) BlockSparseProduct.Check(trial, 20, true, 0, 0, accumulate: true, hasBias: false, kernel: kernel, resultGap: 4);
        using (var trial = new BlockSparseTrial(74, [0, 128, 192], columns: 256, blockColumns: 128)) BlockSparseProduct.Check(trial, 20, true, 0, 0, accumulate: false, hasBias: false, kernel: kernel);
    }

    [EmulatedTheory]
    [InlineData("hopper_sums.cuh", "if (step > 0) ring.wait_full();", "")]
    [InlineData("hopper_ring.cuh", "mbarrier_wait(empty + stage, parity ^ 1);", "")]
    [InlineData("hopper_ring.cuh", "Consumers * GroupThreads / WARP);", "1);")]
    [InlineData("hopper_sums.cuh", "wait_products<1>();", "")]
    [InlineData("hopper_sums.cuh", "wait_products<0>();", "wait_products<1>();")]
    [InlineData("hopper_sums.cuh", "Deeper = 32", "Deeper = 64")]
    [InlineData("hopper_sums.cuh", "fence_products();", "")]
    [InlineData("hopper_sums.cuh", "make_float2(d[2], d[3]); //", "make_float2(d[0], d[1]); //")]
    [InlineData("hopper_sums.cuh", "__syncwarp(); // the rows before have been read", "")]
    [InlineData("hopper_sums.cuh", "            __syncwarp();\n            #pragma unroll\n            for (int turn", "            #pragma unroll\n            for (int turn")]
    [InlineData("block_sparse_gemm_hopper.cu", "mbarrier_expect(full, StageBytes);", "mbarrier_expect(full, StageBytes - OperandBytesB);")]
    [InlineData("block_sparse_gemm_hopper.cu", ": outside;", ": 0;")] // an output without live blocks
    public void Mistakes_would_be_noticed(string file, string text, string wrong) => KernelBugs.AssertFound(file, text, wrong, texts =>
    {
        using var trial = new BlockSparseTrial(80 + texts.Seed, [0, 128, 256], columns: 384, blockColumns: 128, texts.Texts);
        BlockSparseProduct.Check(trial, 140, transpose: true, 0, 0, accumulate: false, hasBias: false, isPoisoned: true, new SparseKernel(HopperTile.All[1]));
        trial.Rewrite(0);
        BlockSparseProduct.Check(trial, 40, transpose: false, 0, 0, accumulate: true, hasBias: false, isPoisoned: true, new SparseKernel(HopperTile.All[1]));
    });
}
