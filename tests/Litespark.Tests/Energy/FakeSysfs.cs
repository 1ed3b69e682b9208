namespace Litespark.Tests.Energy;

/// <summary>A made-up sysfs tree in a temporary folder.</summary>
internal sealed class FakeSysfs : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("litespark-sysfs-").FullName;

    /// <summary>Adds a powercap zone such as <c>intel-rapl:0:2</c>.</summary>
    public void AddZone(string zone, string name, ulong microjoules, ulong range = 262143328850)
    {
        Set($"class/powercap/{zone}/name", name);
        Set($"class/powercap/{zone}/max_energy_range_uj", $"{range}");
        SetZone(zone, microjoules);
    }

    public void SetZone(string zone, ulong microjoules) => Set($"class/powercap/{zone}/energy_uj", $"{microjoules}");

    public void Set(string path, string value)
    {
        string file = Path.Combine(Root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, value + "\n");
    }

    /// <summary>A folder where a file is looked for: opening it is denied even to root, whom file modes don't stop.</summary>
    public void Deny(string path)
    {
        string file = Path.Combine(Root, path);
        File.Delete(file);
        Directory.CreateDirectory(file);
    }

    public void Delete(string path) => File.Delete(Path.Combine(Root, path));

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
