namespace Litespark.Devices.Cuda.Ops;

/// <summary>
/// How the kernels for Hopper cut a product: two warpgroups compute 64 · Fragments rows of 128 columns each, from stages of a depth of 64 in
/// shared memory that a third one fills.
/// </summary>
/// <param name="Fragments">Products of 64 rows of a warpgroup.</param>
/// <param name="Stages">Stages in the ring.</param>
internal sealed record HopperTile(int Fragments, int Stages)
{
    /// <summary>Columns of a tile.</summary>
    public const int Columns = 128;

    /// <summary>Depth of a stage.</summary>
    public const int Step = 64;

    /// <summary>Threads of a block: the producer's warpgroup and two consumers'.</summary>
    public const int Threads = 3 * 128;

    const int Consumers = 2, FragmentRows = 64, OperandBytes = 2, TileBytes = 16, BarrierBytes = 8; // RingTile and two barriers of a stage (hopper_ring.cuh)

    /// <summary>Tiles to choose from, the largest first.</summary>
    public static IReadOnlyList<HopperTile> All { get; } = [new(2, 4), new(1, 6)];

    /// <summary>Rows of a tile, below each other.</summary>
    public int Rows => Consumers * Fragments * FragmentRows;

    /// <summary>Shared memory of a block.</summary>
    public int SharedBytes => Stages * ((Rows + Columns) * Step * OperandBytes + TileBytes + 2 * BarrierBytes);

    /// <summary>The kernel's macros.</summary>
    public string[] Defines => [$"FRAGMENTS={Fragments}", $"STAGES={Stages}"];

    /// <inheritdoc/>
    public override string ToString() => $"wgmma {Rows}x{Columns}";
}
