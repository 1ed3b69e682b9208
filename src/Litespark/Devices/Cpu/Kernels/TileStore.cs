namespace Litespark.Devices.Cpu.Kernels;

/// <summary>What a register tile does with its sums.</summary>
internal enum TileStore
{
    /// <summary>C = the sums.</summary>
    Replace,

    /// <summary>C = C + the sums.</summary>
    Add,

    /// <summary>C = the sums, past the caches (<see cref="Simd.StreamingStores"/>).</summary>
    Stream,
}
