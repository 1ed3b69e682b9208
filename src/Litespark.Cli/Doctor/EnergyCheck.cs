namespace Litespark.Cli.Doctor;

/// <summary>Whether the processor's energy counter can be read: the kernel's powercap tree, in microjoules.</summary>
/// <param name="root">The tree; tests give their own.</param>
internal sealed class EnergyCheck(string root = "/sys/class/powercap") : IDoctorCheck
{
    const string Without = "Without it joules are estimates, marked with ~.";

    public IEnumerable<DoctorFinding> Run()
    {
        yield return Look();
    }

    DoctorFinding Look()
    {
        if (!OperatingSystem.IsLinux()) return Missing("the counter is read through Linux's powercap, which this system does not have", Without);
        if (!Directory.Exists(root)) return Missing($"{root} does not exist: the kernel shows no counter, as in most virtual machines and containers", "On your own machine: sudo modprobe intel_rapl_common intel_rapl_msr; in a container mount it read-only. " + Without);

        // Packages are intel-rapl:0, intel-rapl:1 … (AMD too); what lies below a package is part of it.
        string[] packages = [.. Directory.GetDirectories(root).Where(zone => Path.GetFileName(zone).Count(c => c == ':') == 1 && File.Exists(Path.Combine(zone, "energy_uj"))).Order(StringComparer.Ordinal)];
        if (packages.Length == 0) return Missing($"{root} has no package with a counter (energy_uj)", "On your own machine: sudo modprobe intel_rapl_common intel_rapl_msr. " + Without);
        foreach (string package in packages)
        {
            try
            {
                _ = long.Parse(File.ReadAllText(Path.Combine(package, "energy_uj")));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
            {
                return Missing($"{package}/energy_uj cannot be read: {error.Message}", $"Let everybody read it until the next start: sudo chmod a+r {root}/*/energy_uj. " + Without);
            }
        }
        return new DoctorFinding("energy counter", true, $"rapl: {packages.Length} package{(packages.Length == 1 ? "" : "s")} in {root}");
    }

    static DoctorFinding Missing(string why, string toDo) => new("energy counter", false, why, toDo);
}
