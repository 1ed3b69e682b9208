namespace Litespark.Devices.Cuda.Driver;

/// <summary>What a GPU is.</summary>
/// <param name="Name">The maker's name for it.</param>
/// <param name="Major">Compute capability, major.</param>
/// <param name="Minor">Compute capability, minor.</param>
/// <param name="Multiprocessors">Streaming multiprocessors.</param>
/// <param name="MemoryBytes">All of its memory.</param>
/// <param name="SharedMemoryPerBlock">Largest dynamic shared memory of a block, opted into.</param>
/// <param name="SecondLevelCacheBytes">Its L2 cache.</param>
/// <param name="DriverVersion">The CUDA version that the driver speaks, as 1000 · major + 10 · minor.</param>
internal sealed record GpuProperties(
    string Name, int Major, int Minor, int Multiprocessors, long MemoryBytes, int SharedMemoryPerBlock, int SecondLevelCacheBytes, int DriverVersion)
{
    /// <summary>Its place on the bus, as <c>0000:41:00.0</c>; null where the driver does not say.</summary>
    public string? PciBusId { get; init; }

    /// <summary>Name of the architecture for the compiler: with its own features where it has some (<c>sm_90a</c>, <c>sm_100a</c>, <c>sm_103a</c>, <c>sm_120a</c>).</summary>
    public string Architecture => Major >= 9 ? $"sm_{Major}{Minor}a" : $"sm_{Major}{Minor}";
}
