using System.Text;
using Litespark.Energy.Nvml;

namespace Litespark.Energy;

/// <summary>One way to know the energy of this machine: whether it works here, and if not, why and what would help.</summary>
/// <param name="Source">A constant of <see cref="EnergySources"/>.</param>
/// <param name="IsAvailable">Whether a meter of this source can be opened.</param>
/// <param name="Detail">What it counts, or why it cannot be read.</param>
/// <param name="Fix">What would make it readable; null where it is, or where nothing would.</param>
public sealed record EnergySourceStatus(string Source, bool IsAvailable, string Detail, string? Fix);

/// <summary>Finds what this machine's energy can be read from.</summary>
public static class EnergyMeters
{
    /// <summary>
    /// Opens the source asked for, or the best there is: for a run on GPUs NVML, for one on the processor RAPL, then hwmon;
    /// then the estimate. What the processor draws beside a GPU is never taken for the run's energy unasked.
    /// </summary>
    /// <exception cref="UserErrorException">The source asked for is unknown or cannot be read here.</exception>
    public static IEnergyMeter Open(EnergyMeterOptions? options = null)
    {
        options ??= new EnergyMeterOptions();
        if (options.TdpWatts is { } watts && !(watts > 0 && double.IsFinite(watts)))
        {
            throw new UserErrorException($"The thermal design power is {watts} W; it must be a positive number of watts.");
        }

        return options.Source switch
        {
            null => OpenBest(options),
            EnergySources.Estimate => Estimate(options, Probes(options)),
            EnergySources.Nvml when !options.IsOnGpu => throw new UserErrorException(
                $"The energy source '{EnergySources.Nvml}' counts NVIDIA GPUs, and this run computes on the processor; "
                + $"right would be {EnergySources.Rapl}, {EnergySources.Hwmon} or {EnergySources.Estimate}, or in a recipe energy.source: auto, the best of them."),
            EnergySources.Nvml => Open(NvmlProbe.Run(options)),
            EnergySources.Rapl => Open(RaplProbe.Run(options.SysfsRoot)),
            EnergySources.Hwmon => Open(HwmonProbe.Run(options.SysfsRoot)),
            _ => throw new UserErrorException(
                $"The energy source '{options.Source}' is not known; right would be {EnergySources.Nvml} (on GPUs), {EnergySources.Rapl}, {EnergySources.Hwmon} or {EnergySources.Estimate}."),
        };
    }

    /// <summary>What was found, what was not, why, and what to do: one entry for each source, the GPUs' first.</summary>
    public static IReadOnlyList<EnergySourceStatus> Describe(EnergyMeterOptions? options = null)
    {
        options ??= new EnergyMeterOptions();
        Probe[] probes = [NvmlProbe.Run(options), RaplProbe.Run(options.SysfsRoot), HwmonProbe.Run(options.SysfsRoot)];
        var statuses = new List<EnergySourceStatus>();
        foreach (Probe probe in probes) statuses.Add(new(probe.Source, probe.Open is not null, probe.Detail, probe.Fix));
        using IEnergyMeter estimate = Estimate(options, []);
        statuses.Add(new(EnergySources.Estimate, true, estimate.Explanation, null));
        return statuses;
    }

    /// <summary>What can measure this run, the best first.</summary>
    static Probe[] Probes(EnergyMeterOptions options)
        => options.IsOnGpu ? [NvmlProbe.Run(options)] : [RaplProbe.Run(options.SysfsRoot), HwmonProbe.Run(options.SysfsRoot)];

    static IEnergyMeter OpenBest(EnergyMeterOptions options)
    {
        Probe[] probes = Probes(options);
        foreach (Probe probe in probes) if (probe.Open is { } open) return open();
        return Estimate(options, probes);
    }

    static IEnergyMeter Open(Probe wanted) => wanted.Open is { } open
        ? open()
        : throw new UserErrorException($"The energy source '{wanted.Source}' cannot be read: {wanted.Detail}.{Sentence(wanted.Fix)} Right would also be {EnergySources.Estimate}.");

    static IEnergyMeter Estimate(EnergyMeterOptions options, Probe[] probes)
    {
        var reasons = new StringBuilder();
        foreach (Probe probe in probes)
        {
            if (probe.Open is null) reasons.Append($" {probe.Source}: {probe.Detail}.{Sentence(probe.Fix)}");
        }

        return options.IsOnGpu ? new GpuTimeMeter(options, reasons.ToString()) : new UtilizationMeter(options, reasons.ToString());
    }

    static string Sentence(string? fix) => fix is null ? "" : $" To fix: {fix}.";
}
