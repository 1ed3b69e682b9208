using System.Text;

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
    /// <summary>Opens the source asked for, or the best there is: RAPL, then hwmon, then the estimate.</summary>
    /// <exception cref="UserErrorException">The source asked for is unknown or cannot be read here.</exception>
    public static IEnergyMeter Open(EnergyMeterOptions? options = null)
    {
        options ??= new EnergyMeterOptions();
        if (options.TdpWatts is { } watts && !(watts > 0 && double.IsFinite(watts)))
        {
            throw new UserErrorException($"The thermal design power is {watts} W; it must be a positive number of watts.");
        }

        Probe[] probes = [RaplProbe.Run(options.SysfsRoot), HwmonProbe.Run(options.SysfsRoot)];
        if (options.Source is null)
        {
            foreach (Probe probe in probes) if (probe.CanOpen) return probe.Open();
            return Estimate(options, probes);
        }

        if (options.Source == EnergySources.Nvml)
        {
            throw new UserErrorException($"The energy source '{EnergySources.Nvml}' comes with the CUDA device, which this version does not have; "
                + $"right would be {EnergySources.Rapl}, {EnergySources.Hwmon} or {EnergySources.Estimate}, or in a recipe energy.source: auto, the best of them.");
        }

        if (options.Source == EnergySources.Estimate) return Estimate(options, probes);
        Probe? wanted = Array.Find(probes, probe => probe.Source == options.Source);
        if (wanted is { CanOpen: true }) return wanted.Open();
        throw new UserErrorException(wanted is null
            ? $"The energy source '{options.Source}' is not known; right would be {EnergySources.Rapl}, {EnergySources.Hwmon} or {EnergySources.Estimate}."
            : $"The energy source '{options.Source}' cannot be read: {wanted.Detail}.{Sentence(wanted.Fix)} Right would also be {EnergySources.Estimate}.");
    }

    /// <summary>What was found, what was not, why, and what to do: one entry for each source, the best first.</summary>
    public static IReadOnlyList<EnergySourceStatus> Describe(EnergyMeterOptions? options = null)
    {
        options ??= new EnergyMeterOptions();
        Probe[] probes = [RaplProbe.Run(options.SysfsRoot), HwmonProbe.Run(options.SysfsRoot)];
        var statuses = new List<EnergySourceStatus>();
        foreach (Probe probe in probes) statuses.Add(new(probe.Source, probe.CanOpen, probe.Detail, probe.Fix));
        using var estimate = new UtilizationMeter(options, "");
        statuses.Add(new(EnergySources.Estimate, true, estimate.Explanation, null));
        return statuses;
    }

    static UtilizationMeter Estimate(EnergyMeterOptions options, Probe[] probes)
    {
        var reasons = new StringBuilder();
        foreach (Probe probe in probes)
        {
            if (!probe.CanOpen) reasons.Append($" {probe.Source}: {probe.Detail}.{Sentence(probe.Fix)}");
        }

        return new UtilizationMeter(options, reasons.ToString());
    }

    static string Sentence(string? fix) => fix is null ? "" : $" To fix: {fix}.";
}
