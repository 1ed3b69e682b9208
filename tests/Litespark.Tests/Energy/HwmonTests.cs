using Litespark.Energy;

namespace Litespark.Tests.Energy;

public sealed class HwmonTests : IDisposable
{
    readonly FakeSysfs sysfs = new();

    public void Dispose() => sysfs.Dispose();

    IEnergyMeter Open() => EnergyMeters.Open(new EnergyMeterOptions { SysfsRoot = sysfs.Root });

    void AddCounter(string monitor, int index, string? label, ulong microjoules)
    {
        if (label is not null) sysfs.Set($"class/hwmon/{monitor}/energy{index}_label", label);
        SetCounter(monitor, index, microjoules);
    }

    void SetCounter(string monitor, int index, ulong microjoules) => sysfs.Set($"class/hwmon/{monitor}/energy{index}_input", $"{microjoules}");

    [Fact]
    public void Sockets_are_summed_and_neither_cores_nor_other_devices_count()
    {
        sysfs.Set("class/hwmon/hwmon0/name", "nvme");
        AddCounter("hwmon0", 1, null, 0);
        sysfs.Set("class/hwmon/hwmon3/name", "amd_energy");
        AddCounter("hwmon3", 1, "Ecore000", 0);
        AddCounter("hwmon3", 2, "Esocket0", 1_000_000);
        AddCounter("hwmon3", 10, "Esocket1", 0);
        using IEnergyMeter meter = Open();
        Assert.Equal(("hwmon", false), (meter.Source, meter.IsEstimate));
        Assert.Contains("Esocket0", meter.Explanation);
        SetCounter("hwmon0", 1, 50_000_000);
        SetCounter("hwmon3", 1, 50_000_000);
        SetCounter("hwmon3", 2, 3_000_000);
        SetCounter("hwmon3", 10, 4_000_000);
        Assert.Equal(2 + 4, meter.ReadJoules(), 9);
        Assert.Null(((CounterMeter)meter).SamplingInterval);
    }

    [Fact]
    public void A_single_counter_without_a_label_is_the_chip()
    {
        sysfs.Set("class/hwmon/hwmon0/name", "zenpower");
        AddCounter("hwmon0", 1, null, 0);
        using IEnergyMeter meter = Open();
        SetCounter("hwmon0", 1, 1_500_000);
        Assert.Equal(1.5, meter.ReadJoules(), 9);
    }

    [Fact]
    public void A_counter_that_the_driver_reset_goes_on_from_zero()
    {
        sysfs.Set("class/hwmon/hwmon0/name", "zenergy");
        AddCounter("hwmon0", 1, "Esocket0", 8_000_000);
        using IEnergyMeter meter = Open();
        SetCounter("hwmon0", 1, 1_000_000);
        Assert.Equal(1, meter.ReadJoules(), 9);
        SetCounter("hwmon0", 1, 2_000_000);
        Assert.Equal(2, meter.ReadJoules(), 9);
    }

    [Fact]
    public void Rapl_is_preferred_and_a_denied_counter_says_what_to_do()
    {
        sysfs.Set("class/hwmon/hwmon0/name", "amd_energy");
        AddCounter("hwmon0", 1, "Esocket0", 0);
        sysfs.AddZone("intel-rapl:0", "package-0", 0);
        using IEnergyMeter both = Open();
        Assert.Equal("rapl", both.Source);
        sysfs.Deny("class/hwmon/hwmon0/energy1_input");
        UserErrorException error = Assert.Throws<UserErrorException>(
            () => EnergyMeters.Open(new EnergyMeterOptions { SysfsRoot = sysfs.Root, Source = "hwmon" }));
        Assert.Contains("energy1_input may not be read by this user. To fix: 'sudo chmod a+r", error.Message);
    }
}
