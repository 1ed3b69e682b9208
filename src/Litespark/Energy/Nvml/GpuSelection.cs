using System.Globalization;

namespace Litespark.Energy.Nvml;

/// <summary>
/// Finds the GPUs of a run among those that NVML knows. NVML shows every GPU of the machine in the order of the bus,
/// whatever <c>CUDA_VISIBLE_DEVICES</c> says; CUDA shows this process only what that variable names, in its order.
/// </summary>
internal static class GpuSelection
{
    /// <summary>Handles of the GPUs, each once.</summary>
    /// <exception cref="NvmlUnavailableException">There is none, or one cannot be found, told apart from others, or measured apart from others.</exception>
    public static IReadOnlyList<nint> Find(NvmlLibrary nvml, EnergyMeterOptions options)
    {
        var found = new List<nint>();
        if (options.Gpus.Count == 0) found.AddRange(Visible(nvml, options, mustBeTold: false));
        foreach (string gpu in options.Gpus) found.Add(Find(nvml, gpu, options));
        if (found.Count == 0) throw new NvmlUnavailableException("CUDA_VISIBLE_DEVICES hides all GPUs from this process", "unset CUDA_VISIBLE_DEVICES, or name GPUs in it");
        foreach (nint device in found)
        {
            if (nvml.MigMode(device, out bool isOn) == NvmlReturn.Success && isOn) throw Instance(GpuName(nvml, device));
        }

        return [.. found.Distinct()];
    }

    /// <summary>The name of a GPU, for people.</summary>
    public static string GpuName(NvmlLibrary nvml, nint device) => nvml.Name(device, out string name) == NvmlReturn.Success ? name : "an NVIDIA GPU";

    static nint Find(NvmlLibrary nvml, string gpu, EnergyMeterOptions options)
    {
        if (gpu.StartsWith("MIG-", StringComparison.Ordinal)) throw Instance(gpu);
        if (gpu.StartsWith("GPU-", StringComparison.Ordinal)) return ByUuid(nvml, gpu) ?? throw Missing(gpu);
        if (gpu.Contains(':'))
        {
            NvmlReturn result = nvml.ByPciBusId(gpu, out nint device);
            return result == NvmlReturn.Success ? device : throw NvmlUnavailableException.Failed($"NVML does not reach the GPU at {gpu}", result, nvml.ErrorText(result));
        }

        List<nint> visible = Visible(nvml, options, mustBeTold: true);
        return Number(gpu) is { } ordinal && ordinal < visible.Count ? visible[ordinal] : throw Missing(gpu);
    }

    /// <summary>The GPUs that CUDA shows this process, in CUDA's order. As in CUDA, the list ends at the first entry that is none.</summary>
    /// <param name="nvml">The library.</param>
    /// <param name="options">What the environment says.</param>
    /// <param name="mustBeTold">Whether the order matters even where all are visible.</param>
    static List<nint> Visible(NvmlLibrary nvml, EnergyMeterOptions options, bool mustBeTold)
    {
        List<nint> all = All(nvml);
        if (options.VisibleGpus is not { } names)
        {
            if (mustBeTold) RequireOneOrder(nvml, all, options);
            return all;
        }

        var visible = new List<nint>();
        foreach (string entry in names.Split(',', StringSplitOptions.TrimEntries))
        {
            if (entry.StartsWith("MIG-", StringComparison.Ordinal)) throw Instance(entry);
            nint? device = null;
            if (entry.StartsWith("GPU-", StringComparison.Ordinal)) device = ByUuid(nvml, entry);
            else if (Number(entry) is { } index && index < all.Count)
            {
                RequireOneOrder(nvml, all, options);
                device = all[index];
            }

            if (device is not { } known) break;
            visible.Add(known);
        }

        return visible;
    }

    /// <summary>CUDA numbers GPUs from the fastest on unless told otherwise; which is which is certain only where all are alike.</summary>
    static void RequireOneOrder(NvmlLibrary nvml, List<nint> all, EnergyMeterOptions options)
    {
        if (options.GpuOrder == "PCI_BUS_ID" || all.Select(device => GpuName(nvml, device)).Distinct().Count() == 1) return;
        throw new NvmlUnavailableException(
            "the GPUs of this machine differ, and CUDA numbers them in another order than NVML", "set CUDA_DEVICE_ORDER=PCI_BUS_ID, so that both number them alike");
    }

    static List<nint> All(NvmlLibrary nvml)
    {
        NvmlReturn result = nvml.Count(out int count);
        if (result != NvmlReturn.Success) throw NvmlUnavailableException.Failed("NVML does not list its GPUs", result, nvml.ErrorText(result));
        if (count == 0) throw new NvmlUnavailableException("NVML finds no GPU", null);
        var all = new List<nint>(count);
        for (int i = 0; i < count; i++)
        {
            result = nvml.ByIndex(i, out nint device);
            if (result != NvmlReturn.Success) throw NvmlUnavailableException.Failed($"NVML does not reach GPU {i}", result, nvml.ErrorText(result));
            all.Add(device);
        }

        return all;
    }

    /// <summary>By a UUID or the beginning of one, which CUDA accepts where it is unique.</summary>
    static nint? ByUuid(NvmlLibrary nvml, string uuid)
    {
        if (nvml.ByUuid(uuid, out nint exact) == NvmlReturn.Success) return exact;
        nint[] matches = [.. All(nvml).Where(device => nvml.Uuid(device, out string whole) == NvmlReturn.Success && whole.StartsWith(uuid, StringComparison.Ordinal))];
        return matches.Length == 1 ? matches[0] : null;
    }

    static int? Number(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;

    static NvmlUnavailableException Missing(string gpu) => new($"NVML knows no GPU '{gpu}'", "'nvidia-smi -L' lists the GPUs of this machine");

    static NvmlUnavailableException Instance(string name) => new(
        $"{name} is cut into instances (MIG), whose energy is not measured one by one", "run on a whole GPU: 'sudo nvidia-smi -mig 0' where nobody else uses its instances");
}
