namespace Litespark.Energy;

/// <summary>How to find the meter of this machine.</summary>
public sealed record EnergyMeterOptions
{
    /// <summary>A constant of <see cref="EnergySources"/> to insist on, or null for the best that can be read.</summary>
    public string? Source { get; init; }

    /// <summary>
    /// The GPUs that the run computes on, whose energy is then what counts; empty for a run on the processor. Each is a place
    /// on the bus (<c>0000:41:00.0</c>), a UUID (<c>GPU-…</c>), or the number that CUDA gives it in this process.
    /// </summary>
    public IReadOnlyList<string> Gpus { get; init; } = [];

    /// <summary>
    /// Other machines whose energy counts too, as <c>host:port</c> of their 'litespark energy serve'.
    /// </summary>
    public IReadOnlyList<string> Nodes { get; init; } = [];

    /// <summary>
    /// Thermal design power in watts, for the estimate: of all processors of the machine together, or, for a run on GPUs, of
    /// all its GPUs together; null assumes 5 W for each logical processor, 500 W for each GPU.
    /// </summary>
    public double? TdpWatts { get; init; }

    /// <summary>Root of the kernel's sysfs; tests put a made-up tree here.</summary>
    public string SysfsRoot { get; init; } = "/sys";

    /// <summary>File of NVIDIA's management library, or null for the system's; tests put a stand-in here.</summary>
    public string? NvmlLibrary { get; init; }

    /// <summary>Which GPUs CUDA shows this process; null for all.</summary>
    public string? VisibleGpus { get; init; } = Environment.GetEnvironmentVariable("CUDA_VISIBLE_DEVICES");

    /// <summary>How CUDA numbers GPUs; null for its default, the fastest first.</summary>
    public string? GpuOrder { get; init; } = Environment.GetEnvironmentVariable("CUDA_DEVICE_ORDER");

    /// <summary>The clock by which power is integrated and other machines' silence is told; tests have their own.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>How long to wait for each answer of another machine.</summary>
    internal TimeSpan NodePatience { get; init; } = Energy.Nodes.NodeMeter.ConnectionPatience;

    /// <summary>Whether the run computes on GPUs.</summary>
    internal bool IsOnGpu => Gpus.Count > 0;
}
