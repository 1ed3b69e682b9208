namespace Litespark.Devices.Cuda.Driver;

/// <summary>How many blocks of how many threads a kernel runs with, and the dynamic shared memory of a block in bytes.</summary>
internal readonly record struct LaunchShape(int GridX, int BlockX, int SharedBytes = 0, int GridY = 1, int GridZ = 1);
