using Litespark.Graphs;

namespace Litespark.Planning;

/// <summary>What passes and plans may know of a device, without one at hand.</summary>
public sealed record DeviceProfile
{
    /// <summary>The processor: has a kernel for every op.</summary>
    public static readonly DeviceProfile Cpu = new() { Name = "cpu", DenseAboveDensity = CpuDenseAbove, RowStride = CpuRowStride };

    /// <summary>
    /// On the CPU: a cache line more where rows lie a multiple of 2 KiB apart. The lines of a column then fall into one or two of the 64 sets of a
    /// first cache, which hold 8 to 24 of them, fewer than tiles read.
    /// </summary>
    static int CpuRowStride(int rows, int columns) => rows >= 16 && columns % 512 == 0 ? columns + PersistentLayout.CacheLineElements : columns;

    /// <summary>
    /// On the CPU: 0.8 for blocks that fill strips of 16, in every direction (measured with 16 × 16), 0.48 for sides of 8 (half of a strip, or one
    /// register instead of two), less where blocks leave some of a strip empty; blocks of fewer than 8 rows or columns fill no register and are
    /// always dense.
    /// </summary>
    static double CpuDenseAbove(BlockGrid grid)
    {
        int rows = Math.Min(grid.BlockRows, grid.Rows), columns = Math.Min(grid.BlockColumns, grid.Columns);
        if (rows < 8 || columns < 8) return 0;
        return (Math.Min(rows, columns) <= 8 ? 0.48 : 0.8) * Filled(rows) * Filled(columns);

        static double Filled(int side)
        {
            int strip = side <= 8 ? 8 : 16;
            return (double)side / ((side + strip - 1) / strip * strip);
        }
    }

    /// <summary>The device's name.</summary>
    public required string Name { get; init; }

    /// <summary>Element type of weights, activations and their gradients; float32 master weights are kept where it is another.</summary>
    public DataType Precision { get; init; } = DataType.Float32;

    /// <summary>Element type whose peak MFU is counted over, whatever the plan computes in: that is how devices of a kind are compared.</summary>
    public DataType PeakPrecision { get; init; } = DataType.Float32;

    /// <summary>Elements to whose multiple every persistent tensor is padded (see <see cref="PersistentLayout"/>).</summary>
    public int PaddingElements { get; init; } = PersistentLayout.CacheLineElements;

    /// <summary>Rows and columns of a sparse weight's blocks where the recipe leaves them to the device.</summary>
    public int SparseBlock { get; init; } = 16;

    /// <summary>Share of live weights above which products with a weight of such blocks are computed as dense ones.</summary>
    public Func<BlockGrid, double> DenseAboveDensity { get; init; } = _ => 1;

    /// <summary>How far apart, in elements, the rows of a plan's own matrices of so many rows and columns lie best.</summary>
    public Func<int, int, int> RowStride { get; init; } = (_, columns) => columns;

    /// <summary>Whether the device has a kernel for an op; fused ops that it lacks are decomposed.</summary>
    public Func<Op, bool> Supports { get; init; } = _ => true;

    /// <summary>
    /// Bytes of scratch memory that a call takes on the device beside its operands, as far as they are large and known ahead of time; the calls of a
    /// program share one piece.
    /// </summary>
    public Func<KernelCall, long> ScratchBytes { get; init; } = _ => 0;

    /// <summary>Logits in a chunk of the chunked loss, in elements, so few that they stay near; but a chunk has never fewer than 256 tokens.</summary>
    public long LossChunkElements { get; init; } = 2 << 20;
}
