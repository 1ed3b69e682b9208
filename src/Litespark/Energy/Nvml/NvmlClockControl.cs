using Litespark.Energy.Clocks;

namespace Litespark.Energy.Nvml;

/// <summary>Clocks of NVIDIA GPUs by locks of the driver, which last until they are freed, whoever set them.</summary>
public sealed class NvmlClockControl : IClockControl
{
    readonly NvmlLibrary nvml;
    readonly nint[] devices;
    ClockPair current;
    bool hasChanged;

    NvmlClockControl(NvmlLibrary nvml, EnergyMeterOptions options)
    {
        this.nvml = nvml;
        devices = [.. GpuSelection.Find(nvml, options)];
        MemoryClocks = Common(device => Listed(nvml.MemoryClocks(device, out uint[] clocks), clocks));
        CoreClocks = Common(device => Listed(nvml.CoreClocks(device, (uint)MemoryClocks[^1], out uint[] clocks), clocks));
    }

    /// <inheritdoc/>
    public int Gpus => devices.Length;

    /// <inheritdoc/>
    public IReadOnlyList<int> MemoryClocks { get; }

    /// <inheritdoc/>
    public IReadOnlyList<int> CoreClocks { get; }

    /// <summary>Takes hold of the GPUs of a run; changes nothing yet.</summary>
    /// <param name="options">Which GPUs.</param>
    /// <exception cref="UserErrorException">There is no NVML, or it does not know their clocks.</exception>
    public static NvmlClockControl Open(EnergyMeterOptions options)
    {
        try
        {
            NvmlLibrary nvml = NvmlLibrary.Open(options.NvmlLibrary);
            try
            {
                return new NvmlClockControl(nvml, options);
            }
            catch
            {
                nvml.Dispose();
                throw;
            }
        }
        catch (NvmlUnavailableException error)
        {
            throw new UserErrorException($"The GPUs' clocks cannot be had: {error.Message}.{(error.Fix is { } fix ? $" To fix: {fix}." : "")}", error);
        }
    }

    /// <inheritdoc/>
    public void Set(ClockPair clocks)
    {
        hasChanged |= clocks != current;
        if (clocks.CoreMegahertz != current.CoreMegahertz) Apply(NvmlClock.Graphics, CoreClocks[0], clocks.CoreMegahertz);
        current = current with { CoreMegahertz = clocks.CoreMegahertz };
        if (clocks.MemoryMegahertz != current.MemoryMegahertz) Apply(NvmlClock.Memory, MemoryClocks[0], clocks.MemoryMegahertz);
        current = clocks;
    }

    /// <inheritdoc/>
    public (int CoreMegahertz, int MemoryMegahertz) Read() => (Highest(NvmlClock.Graphics), Highest(NvmlClock.Memory));

    /// <inheritdoc/>
    public string? RestoreProblem { get; private set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (nvml.IsClosed) return;
        foreach (nint device in hasChanged ? devices : [])
        {
            foreach (NvmlClock clock in (NvmlClock[])[NvmlClock.Graphics, NvmlClock.Memory])
            {
                NvmlReturn result = nvml.FreeClock(device, clock);
                if (result is NvmlReturn.Success or NvmlReturn.NotSupported or NvmlReturn.FunctionNotFound) continue;
                RestoreProblem ??= $"a {(clock == NvmlClock.Memory ? "memory" : "core")} clock stays bound ({nvml.ErrorText(result)}): 'litespark energy restore-clocks' as root frees it.";
            }
        }

        nvml.Dispose();
    }

    void Apply(NvmlClock clock, int least, int? most)
    {
        foreach (nint device in devices)
        {
            NvmlReturn result = most is { } bound ? nvml.LockClock(device, clock, (uint)least, (uint)bound) : nvml.FreeClock(device, clock);
            if (result != NvmlReturn.Success) throw Refused(clock, result);
        }
    }

    UserErrorException Refused(NvmlClock clock, NvmlReturn result)
    {
        string what = clock == NvmlClock.Memory ? "memory" : "core";
        string help = result switch
        {
            NvmlReturn.NoPermission => "Locking clocks needs the capability SYS_ADMIN: run as root (in a container with --cap-add SYS_ADMIN).",
            NvmlReturn.NotSupported or NvmlReturn.FunctionNotFound => $"This GPU or driver has no locks for the {what} clock (core: Volta and newer; memory: Ampere and newer).",
            _ => "",
        };
        return new UserErrorException($"The {what} clock cannot be changed ({nvml.ErrorText(result)}). {help}".TrimEnd());
    }

    /// <summary>A loop, as this is read while steps run: nothing is allocated.</summary>
    int Highest(NvmlClock clock)
    {
        int highest = 0;
        foreach (nint device in devices)
        {
            NvmlReturn result = nvml.ClockInfo(device, clock, out uint megahertz);
            if (result != NvmlReturn.Success) throw new UserErrorException($"The GPU's clocks cannot be read ({nvml.ErrorText(result)}).");
            highest = Math.Max(highest, (int)megahertz);
        }

        return highest;
    }

    /// <summary>The clocks that all GPUs have, ascending.</summary>
    int[] Common(Func<nint, uint[]> clocks)
    {
        IEnumerable<uint> all = clocks(devices[0]);
        foreach (nint device in devices.Skip(1)) all = all.Intersect(clocks(device));
        int[] common = [.. all.Select(clock => (int)clock).Order()];
        return common.Length > 0 ? common : throw new UserErrorException("The run's GPUs have no clock in common: clocks are chosen for GPUs of one kind.");
    }

    uint[] Listed(NvmlReturn result, uint[] clocks)
        => result == NvmlReturn.Success ? clocks : throw NvmlUnavailableException.Failed("the GPU does not list its clocks", result, nvml.ErrorText(result));
}
