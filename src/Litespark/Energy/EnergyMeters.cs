using System.Text;
using Litespark.Energy.Nodes;
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
    /// then the estimate. What the processor draws beside a GPU is never taken for the run's energy unasked. With other
    /// machines (<see cref="EnergyMeterOptions.Nodes"/>) it is the sum of all.
    /// </summary>
    /// <exception cref="UserErrorException">The source asked for is unknown or cannot be read here, or another machine's energy cannot be.</exception>
    public static IEnergyMeter Open(EnergyMeterOptions? options = null)
    {
        options ??= new EnergyMeterOptions();
        RequirePower(options);
        return options.Nodes.Count == 0 ? OpenHere(options) : Sum(options);
    }

    /// <summary>
    /// Opens what stands for a whole machine, whatever computes on it: the source asked for, or its GPUs, else its processors,
    /// else power at full load × time. Where GPUs are named nothing else ever stands for them unasked.
    /// </summary>
    /// <param name="options">Which GPUs; without any all that CUDA shows this process.</param>
    /// <exception cref="UserErrorException">The source asked for is unknown or cannot be read here.</exception>
    public static IEnergyMeter OpenMachine(EnergyMeterOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        RequirePower(options);
        if (options.IsOnGpu && options.Source is (null or EnergySources.Nvml)) return Open(NvmlProbe.Run(options));
        if (options.IsOnGpu && options.Source is (EnergySources.Rapl or EnergySources.Hwmon))
        {
            throw new UserErrorException(
                $"The energy source '{options.Source}' counts processors, and GPUs are named ({string.Join(", ", options.Gpus)}); right would be {EnergySources.Nvml} or {EnergySources.Estimate}, or no GPU.");
        }

        Probe[] probes = [NvmlProbe.Run(options), RaplProbe.Run(options.SysfsRoot), HwmonProbe.Run(options.SysfsRoot)];
        if (options.Source is null or EnergySources.Estimate)
        {
            if (options.Source is null && probes.FirstOrDefault(probe => probe.Open is not null) is { } best) return best.Open!();
            return new FullLoadMeter(options, UtilizationMeter.CountProcessors(options.SysfsRoot), Reasons(probes));
        }

        return Open(probes.FirstOrDefault(probe => probe.Source == options.Source) ?? throw Unknown(options.Source));
    }

    static void RequirePower(EnergyMeterOptions options)
    {
        if (options.TdpWatts is { } watts && !(watts > 0 && double.IsFinite(watts)))
        {
            throw new UserErrorException($"The thermal design power is {watts} W; it must be a positive number of watts.");
        }
    }

    static IEnergyMeter OpenHere(EnergyMeterOptions options)
    {
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
            _ => throw Unknown(options.Source),
        };
    }

    static UserErrorException Unknown(string source)
        => new($"The energy source '{source}' is not known; right would be {EnergySources.Nvml} (on GPUs), {EnergySources.Rapl}, {EnergySources.Hwmon} or {EnergySources.Estimate}.");

    /// <summary>This machine's meter and the others'.</summary>
    static SummedMeter Sum(EnergyMeterOptions options)
    {
        var meters = new List<IEnergyMeter>();
        try
        {
            meters.Add(OpenHere(options));
            var servers = new Dictionary<Guid, string>();
            foreach (string text in options.Nodes)
            {
                NodeMeter node = NodeMeter.Open(text, options.NodePatience, options.Time);
                meters.Add(node);
                if (!servers.TryAdd(node.Id, text)) throw new UserErrorException($"energy.nodes: {servers[node.Id]} and {text} are the same meter, which would be counted twice. Right would be one of them.");
                for (int i = 0; i < meters.Count - 1; i++)
                {
                    if (CountedParts.Common(meters[i].Counted, node.Counted) is not { } common) continue;
                    throw new UserErrorException(i == 0
                        ? $"energy.nodes: {text} and this run's own meter both count {common}, which would be counted twice. Right would be other machines alone, or what this run's meter ({meters[0].Source}) leaves out."
                        : $"energy.nodes: {options.Nodes[i - 1]} and {text} both count {common}, which would be counted twice. Right would be one of them, or meters of different GPUs ('litespark energy serve --gpu').");
                }
            }

            return new SummedMeter([.. meters]);
        }
        catch
        {
            foreach (IEnergyMeter meter in meters) meter.Dispose();
            throw;
        }
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

    static IEnergyMeter Estimate(EnergyMeterOptions options, Probe[] probes) => options.IsOnGpu
        ? new FullLoadMeter(options, threads: 0, Reasons(probes))
        : new UtilizationMeter(options, Reasons(probes));

    /// <summary>Why each could not be opened, as sentences.</summary>
    static string Reasons(Probe[] probes)
    {
        var reasons = new StringBuilder();
        foreach (Probe probe in probes)
        {
            if (probe.Open is null) reasons.Append($" {probe.Source}: {probe.Detail}.{Sentence(probe.Fix)}");
        }

        return reasons.ToString();
    }

    static string Sentence(string? fix) => fix is null ? "" : $" To fix: {fix}.";
}
