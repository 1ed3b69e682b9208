namespace Litespark.Energy.Nvml;

/// <summary><c>nvmlReturn_t</c>: what every function of NVML returns. Those that are told apart here.</summary>
internal enum NvmlReturn
{
    Success = 0,
    Uninitialized = 1,
    InvalidArgument = 2,
    NotSupported = 3,
    NoPermission = 4,
    NotFound = 6,
    InsufficientSize = 7,
    DriverNotLoaded = 9,
    FunctionNotFound = 13,
    GpuIsLost = 15,
    OperatingSystem = 17,
    LibraryVersionMismatch = 18,
}

/// <summary><c>nvmlClockType_t</c>.</summary>
internal enum NvmlClock
{
    Graphics = 0,
    StreamingMultiprocessor = 1,
    Memory = 2,
}
