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

    const int FragmentRows = 64, OperandBytes = 2, TileBytes = 20, BarrierBytes = 8; // RingTile and two barriers of a stage (hopper_ring.cuh)

    /// <summary>Tiles of y to choose from, the largest first.</summary>
    public static IReadOnlyList<HopperTile> All { get; } = [new(256, 128, 4), new(128, 128, 6)];

    /// <summary>The tile of a weight's gradient: two of 128 × 128 that read the same rows.</summary>
    public static HopperTile Pair { get; } = new(128, 256, 4);

    /// <summary>Products of 64 rows and 128 columns of a warpgroup.</summary>
    public int Fragments => Rows * Columns / (Consumers * FragmentRows * Side);

    /// <summary>Shared memory of a block.</summary>
    public int SharedBytes => Stages * ((Rows + Columns) * Step * OperandBytes + TileBytes + 2 * BarrierBytes);

    /// <summary>The kernel's macros.</summary>
    public string[] Defines => [$"FRAGMENTS={Fragments}", $"STAGES={Stages}"];

    /// <inheritdoc/>
    public override string ToString() => $"wgmma {Rows}x{Columns}";
}
