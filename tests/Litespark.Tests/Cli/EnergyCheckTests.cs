using Litespark.Cli.Doctor;
using Litespark.Energy;

namespace Litespark.Tests.Cli;

public class EnergyCheckTests
{
    [Fact]
    public void Every_source_is_listed_and_what_is_missing_says_what_would_help()
    {
        string nowhere = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        DoctorFinding[] findings = [.. new EnergyCheck(new EnergyMeterOptions { SysfsRoot = nowhere, NvmlLibrary = nowhere }).Run()];
        Assert.Equal(["energy: nvml", "energy: rapl", "energy: hwmon", "energy: estimate"], findings.Select(finding => finding.Name));
        Assert.All(findings[..3], finding => Assert.False(finding.Found));
        Assert.All(findings[..3], finding => Assert.Contains("estimates", finding.ToDo));
        Assert.True(findings[3].Found);
    }
}
