using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>A single product by Hopper's copy engine and warpgroup products: bf16 operands, everything 16-byte aligned, and a tile and a step at least.</summary>
internal static class HopperGemm
{
    const int AccessBytes = 16;

    /// <summary>Whether the kernel can compute a product on a GPU, and is worth it.</summary>
    public static bool Suits(ICudaDriver driver, Gemm gemm) => HopperTile.RunsOn(driver) && Obstacle(gemm) is null;

    /// <summary>Why a GPU that has the kernel would not take it for a product; null where it would.</summary>
    public static string? Obstacle(Gemm gemm)
    {
        if (gemm is not { A.Type: DataType.BFloat16, B.Type: DataType.BFloat16 }) return $"operands are {gemm.A.Type} and {gemm.B.Type}, not bf16";
        if (gemm is not { Sequences: 1, Heads: 1, Segments: 1 }) return "it is a batch";
        if (gemm is not { M: >= HopperTile.Side, N: >= HopperTile.Side, K: >= HopperTile.Step })
            return $"{gemm.M} x {gemm.N} x {gemm.K} is less than a tile and a step: {HopperTile.Side} x {HopperTile.Side} x {HopperTile.Step}";
        (string Name, GemmMatrix Matrix)[] operands = [("A", gemm.A), ("B", gemm.B), ("C", gemm.C)];
        string[] unaligned = [.. operands.Where(operand => !operand.Matrix.IsAligned()).Select(operand => operand.Name)];
        if (unaligned.Length > 0) return $"rows of {string.Join(", ", unaligned)} do not begin at multiples of {AccessBytes} bytes";
        return gemm.N % (AccessBytes / gemm.C.Type.Size()) == 0 ? null : $"rows of {gemm.N} elements of C are no whole pieces of {AccessBytes} bytes";
    }

    /// <summary>How each tile would cut a product, where the kernel can compute it; what is used comes first.</summary>
    public static IEnumerable<HopperCut> Cuts(CudaBinding binding, Gemm gemm)
    {
        if (!Suits(binding.Driver, gemm)) return [];
        HopperCut Cut(IReadOnlyList<HopperTile> tiles) => HopperCut.Choose(tiles, gemm.M, gemm.N, gemm.K, binding.Gpu.Multiprocessors);
        HopperCut used = Cut(HopperTile.Dense);
        return HopperTile.Dense.Where(tile => tile != used.Tile).Select(tile => Cut([tile])).Prepend(used);
    }

    /// <summary>Binds the kernel for a certain cut.</summary>
    public static ICudaCall Bind(CudaBinding binding, Gemm gemm, HopperCut cut)
    {
        int each = cut.Each(gemm.K);
        if (cut.Splits == 1) return Product(binding, gemm, cut, each);
        nint partials = binding.Workspace((long)cut.Splits * gemm.M * gemm.N * sizeof(float));
        Gemm partial = gemm with { C = new GemmMatrix(partials, DataType.Float32, gemm.N), Bias = default, Alpha = 1, Accumulate = false };
        return new CallSequence(Product(binding, partial, cut, each), gemm.Sum(binding, cut.Splits, partials));
    }

    static KernelLaunch Product(CudaBinding binding, Gemm gemm, HopperCut cut, int each)
    {
        HopperTile tile = cut.Tile;
        var variant = new KernelVariant("gemm_hopper", [CudaBinding.Element(gemm.C.Type, "OUTPUT"), CudaBinding.Element(gemm.Bias.Type, "BIAS"),
            $"TRANSPOSE_A={(gemm.TransposeA ? 1 : 0)}", $"TRANSPOSE_B={(gemm.TransposeB ? 1 : 0)}", .. tile.Defines]);
        long pieces = tile.Tiles(gemm.M, gemm.N) * cut.Splits;
        return binding.Launch(variant, variant.File, new LaunchShape((int)Math.Min(pieces, binding.Gpu.Multiprocessors), HopperTile.Threads, tile.SharedBytes),
            Operand(gemm.A, gemm.M, gemm.K, gemm.TransposeA, tile.Rows), Operand(gemm.B, gemm.N, gemm.K, !gemm.TransposeB, tile.Columns),
            gemm.C.Address, gemm.Bias.Address, binding.Counter(), gemm.M, gemm.N, gemm.K, each, gemm.C.Stride, gemm.Alpha, gemm.Accumulate ? 1 : 0);
    }

    /// <summary>Boxes of a step of `side` rows along K, or of a transposed operand [K, …] of 64 columns.</summary>
    static TensorBox Operand(GemmMatrix matrix, int rows, int k, bool isTransposed, int side)
        => isTransposed ? new(matrix.Address, k, rows, matrix.Stride, HopperTile.Step) : new(matrix.Address, rows, k, matrix.Stride, side);
}
