using System.Globalization;

namespace Litespark.Energy.Nvml;

/// <summary>The GPUs whose energy is counted, with the library that reads them.</summary>
internal sealed class NvmlGpus : IDisposable
{
    readonly NvmlLibrary nvml;
    readonly GpuEnergy[] gpus;

    NvmlGpus(NvmlLibrary nvml, EnergyMeterOptions options)
    {
        this.nvml = nvml;
        IReadOnlyList<nint> devices = GpuSelection.Find(nvml, options);
        Counted = [.. devices.SelectMany(device => CountedParts.Gpu(nvml.Uuid(device, out string uuid) == NvmlReturn.Success ? uuid : null))];
        gpus = [.. devices.Select(device => new GpuEnergy(nvml, device, options.Time))];
    }

    /// <summary>As <see cref="IEnergyMeter.Counted"/>.</summary>
    public IReadOnlyList<string> Counted { get; }

    /// <summary>Whether a GPU's power must be sampled all the time, as it counts no energy itself.</summary>
    public bool MustSample => gpus.Any(gpu => gpu.Reading != GpuReading.Counter);

    /// <summary>Opens what the options ask for: all of it, as a part of a run's energy is not the run's energy.</summary>
    /// <exception cref="NvmlUnavailableException">Something of it cannot be read.</exception>
    public static NvmlGpus Open(EnergyMeterOptions options)
    {
        NvmlLibrary nvml = NvmlLibrary.Open(options.NvmlLibrary);
        try
        {
            return new NvmlGpus(nvml, options);
        }
        catch
        {
            nvml.Dispose();
            throw;
        }
    }

    /// <summary>Joules of all GPUs since opening.</summary>
    public double ReadJoules()
    {
        double joules = 0;
        foreach (GpuEnergy gpu in gpus) joules += gpu.ReadJoules();
        return joules;
    }

    /// <summary>What is counted, and how.</summary>
    public string Describe()
    {
        var kinds = gpus.GroupBy(gpu => (gpu.Name, gpu.PowerLimitWatts, gpu.Reading)).Select(kind =>
        {
            string limit = kind.Key.PowerLimitWatts is { } watts ? string.Create(CultureInfo.InvariantCulture, $" (limit {watts:0} W)") : "";
            return $"{kind.Count()} × {kind.Key.Name}{limit}, {How(kind.Key.Reading)}";
        });
        return $"NVML: {string.Join("; ", kinds)}";
    }

    /// <inheritdoc/>
    public void Dispose() => nvml.Dispose();

    static string How(GpuReading reading)
    {
        double milliseconds = NvmlMeter.SamplingInterval.TotalMilliseconds;
        return reading switch
        {
            GpuReading.Counter => "the GPU's energy counter",
            GpuReading.InstantPower => $"power sampled every {milliseconds} ms and integrated, as this GPU or driver has no energy counter",
            _ => $"power sampled every {milliseconds} ms and integrated, as this GPU or driver has no energy counter; newer GPUs give means of a second here, so that short peaks are smoothed",
        };
    }
}
