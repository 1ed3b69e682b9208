using Litespark.Cli.Doctor;

namespace Litespark.Tests.Cli;

public class EnergyCheckTests : IDisposable
{
    readonly string root = Directory.CreateTempSubdirectory("litespark-powercap-").FullName;

    public void Dispose() => Directory.Delete(root, recursive: true);

    DoctorFinding Look() => new EnergyCheck(root).Run().Single();

    void Zone(string name, string content)
    {
        Directory.CreateDirectory(Path.Combine(root, name));
        File.WriteAllText(Path.Combine(root, name, "energy_uj"), content);
    }

    [Fact]
    public void Packages_with_a_counter_are_found_and_their_parts_not_counted_twice()
    {
        if (!OperatingSystem.IsLinux()) return; // powercap is Linux's
        Zone("intel-rapl:0", "123\n");
        Zone("intel-rapl:0:0", "45\n");
        Zone("intel-rapl:1", "67\n");
        Assert.Equal(new DoctorFinding("energy counter", true, $"rapl: 2 packages in {root}"), Look());
    }

    [Fact]
    public void Without_a_package_it_says_what_to_do()
    {
        DoctorFinding finding = Look();
        Assert.False(finding.Found);
        Assert.Contains("joules are estimates", finding.ToDo);
    }

    [Fact]
    public void A_counter_that_cannot_be_read_is_not_found()
    {
        Zone("intel-rapl:0", "not a number");
        Assert.False(Look().Found);
    }
}
