using System.Text.RegularExpressions;

namespace Litespark.Energy;

/// <summary>
/// Looks for RAPL counters in Linux's powercap folder (Intel, and AMD's Zen under newer kernels). What counts: every
/// package and every DRAM domain. Not counted: <c>core</c> and <c>uncore</c>, which are parts of a package, and
/// <c>psys</c>, which holds the packages again (it counts only where it is all there is).
/// </summary>
internal static partial class RaplProbe
{
    public static Probe Run(string sysfsRoot)
    {
        string folder = Path.Combine(sysfsRoot, "class", "powercap");
        string? zoneWithoutName = null;
        List<(string Name, string Path)> zones = [];
        foreach (string entry in Probe.Entries(folder))
        {
            // Other control types (intel-rapl-mmio) repeat the same packages.
            if (!Zone().IsMatch(Path.GetFileName(entry))) continue;
            if (Probe.ReadText(Path.Combine(entry, "name")) is { } name) zones.Add((name, entry));
            else zoneWithoutName = entry;
        }

        if (zoneWithoutName is not null) return Hidden($"{zoneWithoutName} is there but its contents are hidden");
        if (zones.Count == 0)
        {
            return OperatingSystem.IsLinux()
                ? Probe.None(
                    EnergySources.Rapl,
                    $"no RAPL counters in {folder}",
                    "on a machine of your own, 'sudo modprobe intel_rapl_msr' (or 'intel_rapl_common'); virtual machines and containers often hide them")
                : Probe.None(EnergySources.Rapl, "RAPL counters are read on Linux only");
        }

        (string Name, string Path)[] counted = [.. zones.Where(zone => zone.Name.StartsWith("package", StringComparison.Ordinal) || zone.Name == "dram")];
        if (!counted.Any(zone => zone.Name != "dram")) counted = [.. zones.Where(zone => zone.Name == "psys")];
        if (counted.Length == 0) return Probe.None(EnergySources.Rapl, $"{folder} names no package ({string.Join(", ", zones.Select(zone => zone.Name))})");

        var counters = new List<CounterPath>();
        foreach ((_, string path) in counted)
        {
            string? range = Probe.ReadText(Path.Combine(path, "max_energy_range_uj"));
            var counter = new CounterPath(Path.Combine(path, "energy_uj"), ulong.TryParse(range, out ulong value) ? value : 0);
            // Part of a machine's energy is not the machine's energy: all counters or none.
            switch (Probe.TryRead(counter))
            {
                case UnauthorizedAccessException:
                    return Probe.None(
                        EnergySources.Rapl,
                        $"{counter.Path} may not be read by this user (the kernel keeps it to root since the PLATYPUS attack)",
                        $"'sudo chmod a+r {Path.Combine(folder, "intel-rapl*", "energy_uj")}' (until the next boot), or run as root");
                case FileNotFoundException or DirectoryNotFoundException:
                    return Hidden($"{counter.Path} is missing");
                case { } error:
                    return Probe.None(EnergySources.Rapl, $"{counter.Path} cannot be read ({error.Message})");
                default:
                    counters.Add(counter);
                    break;
            }
        }

        return Probe.Of(EnergySources.Rapl, $"RAPL counters in {folder}: {string.Join(" + ", counted.Select(zone => zone.Name))}", counters);
    }

    static Probe Hidden(string detail) => Probe.None(
        EnergySources.Rapl,
        detail,
        "in a container, mount the host's counters: '-v /sys/devices/virtual/powercap:/sys/devices/virtual/powercap:ro'");

    [GeneratedRegex(@"^intel-rapl:\d+(:\d+)*$", RegexOptions.CultureInvariant)]
    private static partial Regex Zone();
}
