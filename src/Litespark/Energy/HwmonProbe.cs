using System.Text.RegularExpressions;

namespace Litespark.Energy;

/// <summary>
/// Looks for AMD's energy counters among Linux's hardware monitors: the drivers <c>amd_energy</c> and its out-of-tree
/// relatives, whose <c>energy*_input</c> hold microjoules. What counts: every socket (<c>Esocket0</c> …), not the cores
/// inside it (<c>Ecore000</c> …). The drivers widen their counters to 64 bits, so these do not wrap.
/// </summary>
internal static partial class HwmonProbe
{
    static readonly string[] Drivers = ["amd_energy", "zenergy", "zenpower"];

    public static Probe Run(string sysfsRoot)
    {
        if (!OperatingSystem.IsLinux()) return Probe.None(EnergySources.Hwmon, "hardware monitors are read on Linux only");
        string folder = Path.Combine(sysfsRoot, "class", "hwmon");
        var counters = new List<CounterPath>();
        var found = new List<string>();
        foreach (string monitor in Probe.Entries(folder))
        {
            if (Probe.ReadText(Path.Combine(monitor, "name")) is not { } driver || !Drivers.Contains(driver)) continue;
            foreach ((string label, string path) in Sockets(monitor))
            {
                var counter = new CounterPath(path, 0);
                switch (Probe.TryRead(counter))
                {
                    case UnauthorizedAccessException:
                        return Probe.None(
                            EnergySources.Hwmon,
                            $"{path} may not be read by this user",
                            $"'sudo chmod a+r {Path.Combine(monitor, "energy*_input")}' (until the next boot), or run as root");
                    case { } error:
                        return Probe.None(EnergySources.Hwmon, $"{path} cannot be read ({error.Message})");
                    default:
                        counters.Add(counter);
                        found.Add($"{driver} {label}");
                        break;
                }
            }
        }

        return counters.Count > 0
            ? Probe.Of(EnergySources.Hwmon, $"hardware monitors in {folder}: {string.Join(" + ", found)}", counters)
            : Probe.None(EnergySources.Hwmon, $"no energy counter of an AMD processor in {folder}", "on an AMD machine of your own, 'sudo modprobe amd_energy'");
    }

    /// <summary>The counters labelled as sockets; where nothing is labelled, a single counter is the chip's.</summary>
    static List<(string Label, string Path)> Sockets(string monitor)
    {
        List<(string Label, string Path)> all = [];
        foreach (string file in Probe.Entries(monitor))
        {
            Match match = Input().Match(Path.GetFileName(file));
            if (match.Success) all.Add((Probe.ReadText(Path.Combine(monitor, $"energy{match.Groups[1].Value}_label")) ?? "", file));
        }

        if (all is [("", _)]) return [("energy", all[0].Path)];
        return [.. all.Where(counter => counter.Label.StartsWith("Esocket", StringComparison.OrdinalIgnoreCase))];
    }

    [GeneratedRegex(@"^energy(\d+)_input$", RegexOptions.CultureInvariant)]
    private static partial Regex Input();
}
