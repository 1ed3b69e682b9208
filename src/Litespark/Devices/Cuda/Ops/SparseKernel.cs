using Litespark.Devices.Cuda.Driver;
using Litespark.Devices.Cuda.Launching;
using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>Which of our kernels multiplies over live blocks.</summary>
/// <param name="Tile">How Hopper's cuts the product; null: the one for all tensor cores.</param>
internal sealed record SparseKernel(HopperTile? Tile)
{
    /// <summary>Names the kernel that is to be taken wherever it can be.</summary>
    public const string Variable = "LITESPARK_SPARSE_KERNEL";

    const int TilesForEach = 2; // multiprocessor: fewer leave too many without work at the end

    /// <summary>All there are.</summary>
    public static IReadOnlyList<SparseKernel> All { get; } = [new((HopperTile?)null), .. HopperTile.All.Append(HopperTile.Pair).Select(tile => new SparseKernel(tile))];

    /// <summary>What it is called.</summary>
    public string Name => Tile is null ? "mma" : $"{Tile}";

    /// <summary>The kernel of a name; null where there is no name.</summary>
    /// <exception cref="UserErrorException">There is no kernel of that name.</exception>
    public static SparseKernel? Find(string? name) => string.IsNullOrEmpty(name) ? null : All.FirstOrDefault(kernel => kernel.Name == name)
        ?? throw new UserErrorException($"{Variable}={name}: no kernel is called that; right would be one of {string.Join(", ", All.Select(kernel => kernel.Name))}.");

    /// <summary>Whether Hopper's kernels run on the GPU and blocks are whole tiles for them: all equal, their sides multiples of 128.</summary>
    public static bool IsForHopper(ICudaDriver driver, BlocksOnGpu grid)
        => HopperTile.RunsOn(driver) && grid.RowAlignment == grid.BlockRows && grid.Columns % grid.BlockColumns == 0
            && grid.HasAlignedColumns(HopperTile.Side) && grid.HasAlignedRows(HopperTile.Side);

    /// <summary>The kernels that compute an op on a GPU, where there is a choice: of products and weight gradients, where Hopper's run.</summary>
    public static IEnumerable<SparseKernel> For(ICudaDriver driver, DataType precision, BlockSparseOp op)
    {
        if (op is not (BlockSparseMatMul or BlockSparseWeightGradient) || !BlockSparseOps.IsSparse(precision, op.Grid) || !IsForHopper(driver, BlocksOnGpu.Of(op.Grid, 0, 0))) return [];
        return All.Where(kernel => kernel.Tile is null || (kernel.Tile == HopperTile.Pair) == op is BlockSparseWeightGradient);
    }

    /// <summary>The tile for so many tokens and columns of the result.</summary>
    public static HopperTile TileFor(CudaBinding binding, int tokens, int columns)
        => HopperTile.All.FirstOrDefault(tile => tile.Tiles(tokens, columns) >= TilesForEach * binding.Gpu.Multiprocessors) ?? HopperTile.All[^1];
}
