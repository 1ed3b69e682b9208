using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>
/// Launches of the kernels over block-sparse weights by Hopper's copy engine and warpgroup products. Blocks are equal and whole tiles of 128 both
/// ways, operands 16-byte aligned. As many blocks of threads as there are multiprocessors draw their work from a counter.
/// </summary>
internal static class HopperBlockKernels
{
    const int PartBytes = 128 * 256 * sizeof(float);
    const long PartialBytes = 64L << 20; // for the sums of parts, which leave few multiprocessors idle: of some 500

    /// <summary>y = alpha · x · Wᵀ or alpha · x · W (+ bias) (+ y) over the live blocks.</summary>
    public static ICudaCall Product(CudaBinding binding, HopperTile tile, BlocksOnGpu grid, int tokens, GemmMatrix x, GemmMatrix w, bool transposeWeight, GemmMatrix y, GemmMatrix bias, float alpha, bool accumulate)
    {
        (int k, int n) = transposeWeight ? (grid.Columns, grid.Rows) : (grid.Rows, grid.Columns);
        int tiles = checked((int)tile.Tiles(tokens, n));
        var variant = new KernelVariant("block_sparse_gemm_hopper", [CudaBinding.Element(y.Type, "OUTPUT"), CudaBinding.Element(bias.Type, "BIAS"), $"TRANSPOSE_B={(transposeWeight ? 1 : 0)}", .. tile.Defines]);
        return binding.Launch(variant, variant.File, new LaunchShape(Math.Min(tiles, binding.Gpu.Multiprocessors), HopperTile.Threads, tile.SharedBytes),
            new TensorBox(x.Address, tokens, k, x.Stride, tile.Rows), new TensorBox(w.Address, grid.Rows, grid.Columns, w.Stride, transposeWeight ? tile.Columns : HopperTile.Step),
            y.Address, bias.Address, grid.Topology, binding.Counter(), tokens, grid.RowBlocks, grid.ColumnBlocks, grid.BlockRows, grid.BlockColumns, y.Stride, alpha, accumulate ? 1 : 0);
    }

    /// <summary>dW = aᵀ · b (+ dW) in the live blocks, or in all where the topology asks for it; dead blocks stay as they are.</summary>
    public static ICudaCall WeightGradient(CudaBinding binding, BlocksOnGpu grid, int tokens, GemmMatrix a, GemmMatrix b, GemmMatrix gradient, bool accumulate)
    {
        HopperTile tile = HopperTile.Pair;
        const string File = "block_sparse_weight_gradient_hopper";
        var variant = new KernelVariant(File, [CudaBinding.Element(gradient.Type, "OUTPUT"), CudaBinding.Element(gradient.Type, "BIAS"), .. tile.Defines]);
        int workers = binding.Gpu.Multiprocessors, pieces = Math.Max(workers - 1, 1) * 2 * HopperTile.Consumers, room = (int)(PartialBytes / PartBytes);
        nint parts = binding.Workspace(PartialBytes);
        return new CallSequence(
            binding.Launch(variant, File, new LaunchShape(workers, HopperTile.Threads, tile.SharedBytes),
                new TensorBox(a.Address, tokens, grid.Rows, a.Stride, HopperTile.Step), new TensorBox(b.Address, tokens, grid.Columns, b.Stride, HopperTile.Step),
                gradient.Address, grid.Topology, binding.Counter(), parts, tokens, grid.RowBlocks, grid.ColumnBlocks, grid.BlockRows, grid.BlockColumns, gradient.Stride, accumulate ? 1 : 0, room),
            binding.Launch(variant, "add_up_weight_gradient", new LaunchShape(pieces, HopperTile.GroupThreads, HopperTile.StagedBytes),
                parts, gradient.Address, grid.Topology, tokens, grid.RowBlocks, grid.ColumnBlocks, grid.BlockRows, grid.BlockColumns, gradient.Stride, accumulate ? 1 : 0, workers, room));
    }
}
