namespace Litespark.Energy.Nvml;

/// <summary>GPUs' energy cannot be read here.</summary>
/// <param name="detail">Why; no full stop.</param>
/// <param name="fix">What would help; null where nothing would.</param>
internal sealed class NvmlUnavailableException(string detail, string? fix) : Exception(detail)
{
    const string InContainer = "in a container, start it with the GPUs ('--gpus all') and with the driver's tools (NVIDIA_DRIVER_CAPABILITIES=compute,utility)";

    /// <summary>What would help; null where nothing would.</summary>
    public string? Fix { get; } = fix;

    /// <summary>The library itself is missing.</summary>
    public static NvmlUnavailableException NoLibrary(string name)
        => new($"{name} is not found, so no NVIDIA driver is installed", $"on a machine with an NVIDIA GPU, install its driver; {InContainer}");

    /// <summary>The library is there but lacks what every driver of the last decade has.</summary>
    public static NvmlUnavailableException TooOld(string name, string function) => new($"{name} has no function {function}", "install a newer NVIDIA driver");

    /// <summary>A call failed.</summary>
    /// <param name="what">What was asked for: <c>NVML does not start</c>.</param>
    /// <param name="result">What NVML returned.</param>
    /// <param name="text">NVML's own words for it.</param>
    public static NvmlUnavailableException Failed(string what, NvmlReturn result, string text) => new($"{what} ({text})", Advice(result));

    static string? Advice(NvmlReturn result) => result switch
    {
        NvmlReturn.NoPermission => "let this user read and write /dev/nvidiactl and /dev/nvidia0, or run as root",
        NvmlReturn.DriverNotLoaded => "'sudo modprobe nvidia', or install the driver for the running kernel",
        NvmlReturn.LibraryVersionMismatch => "reboot: the driver was updated while its older kernel module is still loaded",
        NvmlReturn.OperatingSystem => $"{InContainer}; the operating system keeps the GPU from this process",
        NvmlReturn.GpuIsLost => "reboot: the GPU no longer answers",
        _ => null,
    };
}
