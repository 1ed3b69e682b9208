namespace Litespark.Energy.Nvml;

/// <summary>Leaves GPUs their clocks again, whoever bound them.</summary>
public static class NvmlClockReset
{
    /// <summary>Frees core and memory clocks.</summary>
    /// <param name="options">Which GPUs; without any all that CUDA shows this process.</param>
    /// <returns>How many GPUs.</returns>
    /// <exception cref="UserErrorException">There is no NVML, or this user may not change clocks.</exception>
    public static int Run(EnergyMeterOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            using NvmlLibrary nvml = NvmlLibrary.Open(options.NvmlLibrary);
            IReadOnlyList<nint> devices = GpuSelection.Find(nvml, options);
            UserErrorException? refused = null; // the others are freed all the same
            foreach (nint device in devices)
            {
                foreach (NvmlClock clock in (NvmlClock[])[NvmlClock.Graphics, NvmlClock.Memory])
                {
                    NvmlReturn result = nvml.FreeClock(device, clock);
                    // A GPU without locks has nothing to free.
                    if (result is NvmlReturn.Success or NvmlReturn.NotSupported or NvmlReturn.FunctionNotFound) continue;
                    string help = result == NvmlReturn.NoPermission ? " Changing clocks needs the capability SYS_ADMIN: run as root, in a container with --cap-add SYS_ADMIN." : "";
                    refused ??= new UserErrorException($"The clocks of {GpuSelection.GpuName(nvml, device)} cannot be changed ({nvml.ErrorText(result)}).{help}");
                }
            }

            return refused is null ? devices.Count : throw refused;
        }
        catch (NvmlUnavailableException error)
        {
            throw new UserErrorException($"The GPUs' clocks cannot be had: {error.Message}.{(error.Fix is { } fix ? $" To fix: {fix}." : "")}", error);
        }
    }
}
