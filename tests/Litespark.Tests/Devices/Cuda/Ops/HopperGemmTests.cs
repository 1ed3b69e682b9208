using Litespark.Devices.Cuda.Launching;
using Litespark.Devices.Cuda.Libraries.CublasLt;
using Litespark.Devices.Cuda.Ops;
using Litespark.Devices.Cuda.Tuning;
using Litespark.Graphs;
using Litespark.Graphs.Ops;
using Litespark.Tests.Devices.Cuda.Emulation;
using static Litespark.Graphs.DataType;
using static Litespark.Tests.Devices.Cuda.Ops.TrialOperands;

namespace Litespark.Tests.Devices.Cuda.Ops;

/// <summary>Dense products by Hopper's copy engine and warpgroup products.</summary>
public sealed class HopperGemmTests
{
    readonly TrialOperands operands = new();

    public static TheoryData<bool, bool, int, int> Cases()
    {
        var cases = new TheoryData<bool, bool, int, int>();
        foreach (bool transposeA in new[] { false, true })
            foreach (bool transposeB in new[] { false, true })
                for (int tile = 0; tile < HopperTile.Dense.Count; tile++) cases.Add(transposeA, transposeB, tile, 1 + (tile + (transposeA ? 1 : 0)) % 3);
        return cases;
    }

    /// <summary>Tails in every direction in all orientations, whole sums and sums in parts; bf16, and added to fp32 with a bias.</summary>
    [EmulatedTheory]
    [MemberData(nameof(Cases))]
    public void Products_in_every_orientation(bool transposeA, bool transposeB, int tile, int splits)
    {
        using var trial = new OpTrial(seed: (uint)(tile + splits));
        (int m, int n, int k) = (280, 264, 296);
        var cut = new HopperCut(HopperTile.Dense[tile], splits);
        TrialTensor a = operands.Numbers(transposeA ? new(k, m) : new(m, k), BFloat16, gap: 8), b = operands.Numbers(transposeB ? new(n, k) : new(k, n), BFloat16);
        TrialTensor y = Result(new(m, n), BFloat16, gap: 8), wide = operands.Numbers(new(m, n), Float32), bias = operands.Numbers(new(n), Float32);
        Run(trial, new MatMul(transposeA, transposeB, Alpha: 0.5f), [a, b], y, cut);
        y.AssertClose("bf16", Tolerance(BFloat16));
        Run(trial, (MatMul)new MatMul(transposeA, transposeB, HasBias: true).WithAddend(0), [a, b, bias, wide], wide, cut);
        wide.AssertClose("added to fp32", Tolerance(Float32, 1e-5));
    }

    /// <summary>What suits is computed so without being asked for, what does not is not.</summary>
    [EmulatedTheory]
    [InlineData(128, 128, 64, true)]
    [InlineData(130, 200, 264, true)]
    [InlineData(120, 256, 64, false)]
    [InlineData(128, 256, 56, false)]
    [InlineData(256, 132, 64, false)] // rows of the result are no whole 16 bytes
    public void What_suits_is_taken(int m, int n, int k, bool suits)
    {
        using var trial = new OpTrial(seed: 7, multiprocessors: 132);
        TrialTensor a = operands.Numbers(new(m, k), BFloat16), b = operands.Numbers(new(n, k), BFloat16), y = Result(new(m, n), BFloat16);
        var op = new MatMul(false, true);
        trial.Run(op, (binding, call) =>
        {
            Gemm gemm = MatMulOps.Product(binding, call, op);
            Assert.Equal(suits, HopperGemm.Suits(binding.Driver, gemm));
            Assert.Equal(suits ? HopperTile.Dense.Count : 0, HopperGemm.Cuts(binding, gemm).Count());
            return gemm.Bind(binding);
        }, [a, b], [y]);
        y.AssertClose("y", Tolerance(BFloat16));
    }

    [Fact]
    public void Cuts_leave_few_multiprocessors_idle_and_no_part_empty()
    {
        Assert.Equal(new HopperCut(HopperTile.Pair, 1), Choose(16384, 16384, 3072));
        foreach ((int m, int n, int k) in new[] { (768, 768, 16384), (128, 128, 100_000), (3072, 256, 4096), (4096, 128, 64) })
        {
            HopperCut cut = Choose(m, n, k);
            int steps = (k + HopperTile.Step - 1) / HopperTile.Step;
            Assert.True(k == 64 ? cut.Splits == 1 : cut.Tile.Tiles(m, n) * cut.Splits > 60 || cut.Splits == 32, $"{cut}");
            Assert.True((cut.Splits - 1) * cut.Each(k) < steps && cut.Splits * cut.Each(k) >= steps, $"{cut}");
        }
    }

    /// <summary>Each tile is timed beside the kernel for all tensor cores; what is used comes first.</summary>
    [EmulatedFact]
    public void Every_tile_is_timed()
    {
        using var kernels = new KernelLibrary(new EmulatedDriver(1, 4), new EmulatedCompiler());
        using var tuner = new ProductTuner(kernels, cublasLt: null);
        string[] names = [.. tuner.Measure(new(128, 256, 64, false, true, 64, 64, 256, BFloat16, BFloat16, false, false), out _).Select(variant => variant.Name)];
        Assert.Equal(["own wgmma 128x128", "own wgmma 128x256", "own wgmma 256x128"], names[..3].Order(StringComparer.Ordinal));
        Assert.Matches("^own [0-9]+ x [0-9]+", names[3]);
    }

    /// <summary>A product is timed where it lies in plans: what cannot compute it there is left out, with the reason.</summary>
    [EmulatedTheory]
    [InlineData(128, 256, 64, 256, 8, "wgmma: rows of A, B, C do not begin at multiples of 16 bytes")]
    [InlineData(128, 256, 64, 260, 16, "wgmma: rows of C do not begin at multiples of 16 bytes")]
    [InlineData(128, 252, 64, 256, 16, "wgmma: rows of 252 elements of C are no whole pieces of 16 bytes")]
    [InlineData(64, 256, 64, 256, 16, "wgmma: 64 x 256 x 64 is less than a tile and a step: 128 x 128 x 64")]
    public void What_cannot_be_used_is_not_timed(int m, int n, int k, int stride, int alignment, string reason)
    {
        using var kernels = new KernelLibrary(new EmulatedDriver(1, 4), new EmulatedCompiler());
        using var tuner = new ProductTuner(kernels, cublasLt: null);
        var problem = new MatmulProblem(m, n, k, false, true, k, k, stride, BFloat16, BFloat16, false, false, alignment);
        Assert.Matches("^own [0-9]+ x [0-9]+", Assert.Single(tuner.Measure(problem, out string? leftOut)).Name);
        Assert.Equal(reason, leftOut);
    }

    /// <summary>A weight's gradient is of operands that lie anywhere: each that allows no copies of boxes leaves it to the other kernel.</summary>
    [EmulatedTheory]
    [InlineData(0, 0, 0, true)]
    [InlineData(1, 0, 0, false)]
    [InlineData(0, 1, 0, false)]
    [InlineData(0, 0, 1, false)]
    public void Gradients_of_operands_at_any_address(int shiftA, int shiftB, int shiftC, bool suits)
    {
        using var trial = new OpTrial(seed: 8);
        TrialTensor a = operands.Numbers(new(70, 136), BFloat16, shift: 4 * shiftA), b = operands.Numbers(new(70, 128), BFloat16, gap: 4 * shiftB), y = Result(new(136, 128), Float32, shift: 2 * shiftC);
        var op = new MatMul(true, false);
        trial.Run(op, (binding, call) =>
        {
            Gemm gemm = MatMulOps.Product(binding, call, op);
            Assert.Equal(suits, HopperGemm.Suits(binding.Driver, gemm));
            return gemm.Bind(binding);
        }, [a, b], [y]);
        y.AssertClose("gradient", Tolerance(Float32, 1e-5));
    }

    [Fact]
    public void Stages_fit_the_shared_memory() => Assert.All(HopperTile.Dense, tile => Assert.True(tile.SharedBytes <= 227 << 10, $"{tile}"));

    [EmulatedTheory]
    [InlineData("gemm_hopper.cu", "first + panel, k, full)", "first, k, full)")]
    [InlineData("gemm_hopper.cu", "part * product.each", "0")]
    [InlineData("gemm_hopper.cu", "tile.part * (m * c_stride)", "0")]
    [InlineData("gemm_hopper.cu", "tile.column + 128, m, n", "tile.column, m, n")]
    [InlineData("hopper_sums.cuh", "at < column_end", "true")]
    [InlineData("hopper_sums.cuh", "if (exists && first_row + turn * AtOnce < row_end) store", "if (exists) store")]
    [InlineData("hopper_sums.cuh", "(across + i) / 4", "across / 4")]
    public void Mistakes_would_be_noticed(string file, string text, string wrong) => KernelBugs.AssertFound(file, text, wrong, texts =>
    {
        using var trial = new OpTrial((uint)texts.Seed, multiprocessors: 2, texts.Texts);
        foreach ((DataType type, int splits) in new[] { (BFloat16, 1), (Float32, 2) })
        {
            TrialTensor y = Result(new(136, 264), type, gap: 8);
            Run(trial, new MatMul(true, false), [operands.Numbers(new(130, 136), BFloat16), operands.Numbers(new(130, 264), BFloat16)], y, new HopperCut(HopperTile.Pair, splits));
            y.AssertClose("y", Tolerance(type, 1e-5));
        }
    });

    static HopperCut Choose(int m, int n, int k) => HopperCut.Choose(HopperTile.Dense, m, n, k, multiprocessors: 132);

    static void Run(OpTrial trial, MatMul op, TrialTensor[] inputs, TrialTensor y, HopperCut cut)
        => trial.Run(op, (binding, call) => HopperGemm.Bind(binding, MatMulOps.Product(binding, call, op), cut), inputs, [y]);
}
