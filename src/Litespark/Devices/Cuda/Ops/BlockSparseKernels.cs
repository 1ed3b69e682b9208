using System.Numerics;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>A weight matrix in blocks as kernels get it. All but what lies at the addresses is fixed when a call is bound; which blocks are live may change between runs.</summary>
/// <param name="RowStarts">Address of the R + 1 boundaries of block rows, int32.</param>
/// <param name="Topology">Address of the buffer that says which blocks are live, int32.</param>
/// <param name="RowBlocks">Block rows R.</param>
/// <param name="ColumnBlocks">Block columns C.</param>
/// <param name="BlockRows">Rows of the highest block.</param>
/// <param name="BlockColumns">Columns of a block, at most the matrix's; the last may be narrower.</param>
/// <param name="Columns">Columns of the matrix.</param>
/// <param name="RowAlignment">A divisor of all boundaries of block rows.</param>
internal readonly record struct BlocksOnGpu(nint RowStarts, nint Topology, int RowBlocks, int ColumnBlocks, int BlockRows, int BlockColumns, int Columns, int RowAlignment)
{
    /// <summary>Number of blocks.</summary>
    public int Count => RowBlocks * ColumnBlocks;

    /// <summary>Rows of the matrix where all blocks are equally high.</summary>
    public int Rows => RowBlocks * BlockRows;

    /// <summary>A grid, and where a topology buffer lies (0: none is looked at).</summary>
    public static BlocksOnGpu Of(CudaBinding binding, BlockGrid grid, nint topology) => Of(grid, binding.RowStarts(grid), topology);

    /// <summary>A grid with its buffers' addresses.</summary>
    public static BlocksOnGpu Of(BlockGrid grid, nint rowStarts, nint topology)
    {
        int alignment = grid.RowStarts.Aggregate(0, (a, b) => (int)BigInteger.GreatestCommonDivisor(a, b)), highest = Enumerable.Range(0, grid.RowBlocks).Max(grid.Height);
        return new BlocksOnGpu(rowStarts, topology, grid.RowBlocks, grid.ColumnBlocks, highest, grid.Width(0), grid.Columns, alignment);
    }

    /// <summary>Whether all blocks begin at multiples of `count` columns.</summary>
    public bool HasAlignedColumns(int count) => BlockColumns % count == 0;

    /// <summary>Whether all blocks begin at multiples of `count` rows.</summary>
    public bool HasAlignedRows(int count) => RowAlignment % count == 0;
}

/// <summary>Launches of the kernels over block-sparse weights. Shapes and arguments depend on the grid alone, so that a recorded launch stays right when other blocks live.</summary>
internal static class BlockSparseKernels
{
    const int Threads = 256, Vector = 4, Warp = 32;

    /// <summary>y = alpha · x · Wᵀ or alpha · x · W (+ bias) (+ y) over the live blocks: x [tokens, ·], w [rows, columns], bf16. By a certain kernel, where it can, or by what suits.</summary>
    public static ICudaCall Product(CudaBinding binding, BlocksOnGpu grid, int tokens, GemmMatrix x, GemmMatrix w, bool transposeWeight, GemmMatrix y, GemmMatrix bias, float alpha, bool accumulate, SparseKernel? kernel = null)
    {
        if (SparseKernel.IsForHopper(binding.Driver, grid) && x.IsAligned() && w.IsAligned() && y.IsAligned())
        {
            HopperTile? cut = kernel is null || kernel.Tile == HopperTile.Pair ? SparseKernel.TileFor(binding, tokens, transposeWeight ? grid.Rows : grid.Columns) : kernel.Tile;
            if (cut is not null) return HopperBlockKernels.Product(binding, cut, grid, tokens, x, w, transposeWeight, y, bias, alpha, accumulate);
        }

        (int outputs, int width) = transposeWeight ? (grid.RowBlocks, grid.BlockRows) : (grid.ColumnBlocks, grid.BlockColumns);
        GemmTile tile = Tile(width, width);
        int inBlock = Tiles(width, tile.N), piece = PieceOf(x.Type);
        bool alignedSteps = transposeWeight ? grid.HasAlignedColumns(piece) : grid.HasAlignedRows(piece);
        bool vectors = y.IsAligned(Vector) && (transposeWeight ? grid.HasAlignedRows(Vector) : grid.HasAlignedColumns(Vector));
        KernelVariant variant = Variant("block_sparse_gemm", tile, y.Type, bias.Type, transposeA: false, transposeWeight, x.IsAligned() && alignedSteps, w.IsAligned() && grid.HasAlignedColumns(piece));
        return binding.Launch(variant, variant.File, new LaunchShape(checked(Tiles(tokens, tile.M) * outputs * inBlock), tile.Threads, tile.SharedBytes),
            x.Address, w.Address, y.Address, bias.Address, grid.RowStarts, grid.Topology, tokens, grid.RowBlocks, grid.ColumnBlocks, grid.BlockColumns, grid.Columns, inBlock,
            x.Stride, w.Stride, y.Stride, alpha, accumulate ? 1 : 0, vectors ? 1 : 0);
    }

    /// <summary>dW = aᵀ · b (+ dW) in the live blocks, or in all where the topology asks for it: a [tokens, rows], b [tokens, columns], bf16. By a certain kernel, where it can, or by what suits.</summary>
    public static ICudaCall WeightGradient(CudaBinding binding, BlocksOnGpu grid, int tokens, GemmMatrix a, GemmMatrix b, GemmMatrix gradient, bool accumulate, bool zeroDead, SparseKernel? kernel = null)
    {
        if (kernel is not { Tile: null } && SparseKernel.IsForHopper(binding.Driver, grid) && a.IsAligned() && b.IsAligned() && gradient.IsAligned())
        {
            ICudaCall live = HopperBlockKernels.WeightGradient(binding, grid, tokens, a, b, gradient, accumulate);
            return zeroDead ? new CallSequence(live, ZeroDead(binding, grid, gradient, isGradient: true)) : live;
        }

        GemmTile tile = Tile(grid.BlockRows, grid.BlockColumns);
        int down = Tiles(grid.BlockRows, tile.M), right = Tiles(grid.BlockColumns, tile.N), piece = PieceOf(a.Type);
        KernelVariant variant = Variant("block_sparse_weight_gradient", tile, gradient.Type, DataType.BFloat16, transposeA: true, transposeB: false,
            a.IsAligned() && grid.HasAlignedRows(piece), b.IsAligned() && grid.HasAlignedColumns(piece));
        return binding.Launch(variant, variant.File, new LaunchShape(checked(grid.Count * down * right), tile.Threads, tile.SharedBytes),
            a.Address, b.Address, gradient.Address, grid.RowStarts, grid.Topology, tokens, grid.RowBlocks, grid.ColumnBlocks, grid.BlockColumns, grid.Columns, down, right,
            a.Stride, b.Stride, gradient.Stride, accumulate ? 1 : 0, zeroDead ? 1 : 0, gradient.IsAligned(Vector) && grid.HasAlignedColumns(Vector) ? 1 : 0);
    }

    /// <summary>norms [R · C] = mean of |x| of every block.</summary>
    public static ICudaCall Norms(CudaBinding binding, BlocksOnGpu grid, GemmMatrix x, nint norms) => Elements(binding, grid, x, "block_norms", Team(grid, Width(grid, x)), x.Address, norms);

    /// <summary>x = 0 in dead blocks; where x is a gradient, not while the topology wants those of all blocks.</summary>
    public static ICudaCall ZeroDead(CudaBinding binding, BlocksOnGpu grid, GemmMatrix x, bool isGradient) => Elements(binding, grid, x, "zero_dead_blocks", Team(grid, Width(grid, x)), x.Address, isGradient ? 1 : 0);

    /// <summary>x = the mean of the live blocks of the same block row in dead blocks; means [R · C] of all blocks.</summary>
    public static ICudaCall FillDead(CudaBinding binding, BlocksOnGpu grid, GemmMatrix x, nint means) => Elements(binding, grid, x, "fill_dead_blocks", Team(grid, Width(grid, x)), x.Address, means);

    /// <summary>y [1] = Σ x² over the live blocks, plus what it held.</summary>
    public static ICudaCall SumOfSquares(CudaBinding binding, BlocksOnGpu grid, GemmMatrix x, nint y, bool accumulate)
    {
        int team = Team(grid, Width(grid, x)), count = Blocks(grid, team);
        nint parts = binding.Workspace((long)count * sizeof(double));
        var total = new KernelVariant("reductions", CudaBinding.Element(DataType.Float32), $"VECTOR={Vector}", $"TEAM={Threads}", $"THREADS={Threads}");
        return new CallSequence(Elements(binding, grid, x, "block_sparse_sum_of_squares", team, x.Address, parts), binding.Launch(total, "total", new LaunchShape(1, Threads), parts, count, y, accumulate ? 1 : 0));
    }

    /// <summary>AdamW in the live blocks: matrices without gaps between their rows; a copy of the weight, or none (address 0).</summary>
    public static ICudaCall AdamW(CudaBinding binding, BlocksOnGpu grid, GemmMatrix weight, nint gradient, nint m, nint v, GemmMatrix copy, nint schedule, nint clipFactor,
        float beta1, float beta2, float epsilon, float weightDecay)
    {
        bool alike = new[] { weight.Address, gradient, m, v }.All(address => address % (Vector * sizeof(float)) == 0) && (copy.Address == 0 || copy.IsAligned(Vector));
        int width = alike && weight.IsAligned(Vector) && grid.HasAlignedColumns(Vector) && grid.Columns % Vector == 0 ? Vector : 1;
        int team = Team(grid, width);
        var variant = new KernelVariant("block_sparse_adamw", CudaBinding.Element(copy.Address == 0 ? DataType.Float32 : copy.Type, "COPY"), $"VECTOR={width}", $"TEAM={team}", $"THREADS={Threads}");
        return binding.Launch(variant, variant.File, new LaunchShape(Blocks(grid, team), Threads), weight.Address, gradient, m, v, copy.Address, grid.RowStarts, grid.Topology,
            grid.RowBlocks, grid.ColumnBlocks, grid.BlockColumns, grid.Columns, schedule, clipFactor, (float)(1 - (double)beta1), beta2, (float)(1 - (double)beta2), epsilon, weightDecay);
    }

    static KernelLaunch Elements(CudaBinding binding, BlocksOnGpu grid, GemmMatrix x, string kernel, int team, params ReadOnlySpan<KernelArgument> operands)
    {
        var variant = new KernelVariant("block_sparse_elements", CudaBinding.Element(x.Type), $"VECTOR={Width(grid, x)}", $"TEAM={team}", $"THREADS={Threads}");
        return binding.Launch(variant, kernel, new LaunchShape(Blocks(grid, team), Threads),
            [.. operands, grid.RowStarts, grid.Topology, grid.RowBlocks, grid.ColumnBlocks, grid.BlockColumns, grid.Columns, x.Stride]);
    }

    /// <summary>Elements that a thread moves at once.</summary>
    static int Width(BlocksOnGpu grid, GemmMatrix x) => PieceOf(x.Type) is var piece && x.IsAligned() && grid.HasAlignedColumns(piece) && grid.Columns % piece == 0 ? piece : 1;

    /// <summary>Threads that go through a matrix's block of packs together: all of a block, or a warp or less where there is less for them.</summary>
    static int Team(BlocksOnGpu grid, int width)
    {
        long packs = (long)grid.BlockRows * grid.BlockColumns / width;
        return packs >= Threads ? Threads : (int)Math.Min(Warp, BitOperations.RoundUpToPowerOf2((ulong)packs));
    }

    /// <summary>Blocks of threads of so many teams.</summary>
    static int Blocks(BlocksOnGpu grid, int team) => Tiles(grid.Count, Threads / team);

    static KernelVariant Variant(string file, GemmTile tile, DataType output, DataType bias, bool transposeA, bool transposeB, bool alignedA, bool alignedB)
        => new(file, [CudaBinding.Element(output, "OUTPUT"), CudaBinding.Element(bias, "BIAS"), Define("TRANSPOSE_A", transposeA), Define("TRANSPOSE_B", transposeB), .. tile.Defines,
            Define("ALIGNED_A", alignedA), Define("ALIGNED_B", alignedB)]);

    /// <summary>The tile that wastes least of a block: 128 × 128 where both sizes are whole tiles of that, else 64 × 64.</summary>
    static GemmTile Tile(int rows, int columns) => rows % GemmTile.TensorCore[1].M == 0 && columns % GemmTile.TensorCore[1].N == 0 ? GemmTile.TensorCore[1] : GemmTile.TensorCore[^1];

    /// <summary>Tiles that cover a length.</summary>
    public static int Tiles(int length, int tile) => (length + tile - 1) / tile;

    /// <summary>Elements in 16 bytes.</summary>
    static int PieceOf(DataType type) => Packs.Width(type);

    static string Define(string name, bool value) => $"{name}={(value ? 1 : 0)}";
}
