using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>
/// How the kernels for Hopper cut a product: each of two warpgroups computes half of a tile, in columns of 128, from stages of a depth of 64 in
/// shared memory that a third one fills.
/// </summary>
/// <param name="Rows">Rows of a tile.</param>
/// <param name="Columns">Columns of a tile.</param>
/// <param name="Stages">Stages in the ring.</param>
internal sealed record HopperTile(int Rows, int Columns, int Stages)
{
    /// <summary>Columns of what a warpgroup computes; sides of blocks are multiples of it.</summary>
    public const int Side = 128;

    /// <summary>Depth of a stage.</summary>
    public const int Step = 64;

    /// <summary>Warpgroups that multiply.</summary>
    public const int Consumers = 2;

    /// <summary>Threads of a warpgroup.</summary>
    public const int GroupThreads = 128;

    /// <summary>Threads of a block: the producer's warpgroup and the consumers'.</summary>
    public const int Threads = (1 + Consumers) * GroupThreads;

    const int OperandBytes = 2, TileBytes = 20, BarrierBytes = 8; // RingTile and two barriers of a stage (hopper_ring.cuh)

    /// <summary>Tiles of products over live blocks to choose from, the largest first: their columns are of one block.</summary>
    public static IReadOnlyList<HopperTile> All { get; } = [new(256, 128, 4), new(128, 128, 6)];

    /// <summary>Two tiles of 128 × 128 that read the same rows: pairs of a weight's gradient.</summary>
    public static HopperTile Pair { get; } = new(128, 256, 4);

    /// <summary>Tiles of dense products to choose from.</summary>
    public static IReadOnlyList<HopperTile> Dense { get; } = [Pair, .. All];

    /// <summary>Shared memory through which the sums of a warpgroup go to memory.</summary>
    public static int StagedBytes => GroupThreads * 32 * sizeof(float);

    /// <summary>Shared memory of a block.</summary>
    public int SharedBytes => Stages * ((Rows + Columns) * Step * OperandBytes + TileBytes + 2 * BarrierBytes) + Consumers * StagedBytes;

    /// <summary>The kernel's macros.</summary>
    public string[] Defines => [$"TILE_M={Rows}", $"TILE_N={Columns}", $"STAGES={Stages}"];

    /// <summary>Whether a GPU runs such kernels: Hopper, and nothing newer.</summary>
    public static bool RunsOn(ICudaDriver driver) => driver.Properties is { Major: 9, Minor: 0 } && driver.HasTensorMaps;

    /// <summary>Tiles that cover a result.</summary>
    public long Tiles(int rows, int columns) => (long)((rows + Rows - 1) / Rows) * ((columns + Columns - 1) / Columns);

    /// <inheritdoc/>
    public override string ToString() => $"wgmma {Rows}x{Columns}";
}
