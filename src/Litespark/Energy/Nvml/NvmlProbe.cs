namespace Litespark.Energy.Nvml;

/// <summary>Looks for the energy of NVIDIA GPUs.</summary>
internal static class NvmlProbe
{
    public static Probe Run(EnergyMeterOptions options)
    {
        try
        {
            using NvmlGpus gpus = NvmlGpus.Open(options);
            return new Probe(EnergySources.Nvml, gpus.Describe(), null, () => Open(options));
        }
        catch (NvmlUnavailableException error)
        {
            return Probe.None(EnergySources.Nvml, error.Message, error.Fix);
        }
    }

    static NvmlMeter Open(EnergyMeterOptions options)
    {
        try
        {
            return new NvmlMeter(NvmlGpus.Open(options), options.Time);
        }
        catch (NvmlUnavailableException error)
        {
            throw new UserErrorException($"The GPUs' energy can no longer be read: {error.Message}", error);
        }
    }
}
