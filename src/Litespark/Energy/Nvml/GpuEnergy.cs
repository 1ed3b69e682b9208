namespace Litespark.Energy.Nvml;

/// <summary>How a GPU's energy is known, the best first.</summary>
internal enum GpuReading
{
    /// <summary>The GPU counts its energy itself.</summary>
    Counter,

    /// <summary>Its power now is sampled and integrated.</summary>
    InstantPower,

    /// <summary>Its power is sampled and integrated; on newer GPUs each sample is a mean of the last second.</summary>
    Power,
}

/// <summary>The energy of one GPU since opening. Not thread-safe.</summary>
internal sealed class GpuEnergy
{
    readonly NvmlLibrary nvml;
    readonly nint device;
    readonly TimeProvider time;
    ulong lastMillijoules, totalMillijoules;
    double lastMilliwatts, integratedMillijoules;
    long lastTimestamp;

    /// <summary>Takes the best reading that the GPU gives, and its state as zero.</summary>
    /// <exception cref="NvmlUnavailableException">It gives none.</exception>
    public GpuEnergy(NvmlLibrary nvml, nint device, TimeProvider time)
    {
        this.nvml = nvml;
        this.device = device;
        this.time = time;
        Name = GpuSelection.GpuName(nvml, device);
        PowerLimitWatts = nvml.EnforcedPowerLimit(device, out uint limit) == NvmlReturn.Success ? limit / 1e3 : null;
        NvmlReturn result = nvml.TotalEnergy(device, out lastMillijoules);
        if (result == NvmlReturn.Success) return;
        Reading = GpuReading.InstantPower;
        lastTimestamp = time.GetTimestamp();
        if (Power(out lastMilliwatts) == NvmlReturn.Success) return;
        Reading = GpuReading.Power;
        NvmlReturn power = Power(out lastMilliwatts);
        if (power == NvmlReturn.Success) return;
        // The counter's own error says more than that there is no sensor either.
        if (result is NvmlReturn.NotSupported or NvmlReturn.FunctionNotFound) result = power;
        throw NvmlUnavailableException.Failed($"{Name} gives neither its energy nor its power", result, nvml.ErrorText(result));
    }

    /// <summary>The maker's name.</summary>
    public string Name { get; }

    /// <summary>How its energy is known.</summary>
    public GpuReading Reading { get; } = GpuReading.Counter;

    /// <summary>The most power that the GPU may draw, in watts; null where it does not say.</summary>
    public double? PowerLimitWatts { get; }

    /// <summary>Joules since opening, as far as they could be read: a failed read is made good by the next that succeeds.</summary>
    public double ReadJoules()
    {
        if (Reading == GpuReading.Counter) Count();
        else Integrate();
        return (totalMillijoules + integratedMillijoules) * 1e-3;
    }

    void Count()
    {
        if (nvml.TotalEnergy(device, out ulong now) != NvmlReturn.Success) return;
        // 64 bits of millijoules never wrap: a smaller value means that the counter began again, with the driver.
        totalMillijoules += now >= lastMillijoules ? now - lastMillijoules : now;
        lastMillijoules = now;
    }

    /// <summary>Trapezoids between samples.</summary>
    void Integrate()
    {
        long timestamp = time.GetTimestamp();
        if (timestamp <= lastTimestamp || Power(out double now) != NvmlReturn.Success) return;
        integratedMillijoules += (lastMilliwatts + now) / 2 * time.GetElapsedTime(lastTimestamp, timestamp).TotalSeconds;
        (lastMilliwatts, lastTimestamp) = (now, timestamp);
    }

    NvmlReturn Power(out double milliwatts)
    {
        if (Reading == GpuReading.InstantPower) return nvml.InstantPower(device, out milliwatts);
        NvmlReturn result = nvml.PowerUsage(device, out uint value);
        milliwatts = value;
        return result;
    }
}
