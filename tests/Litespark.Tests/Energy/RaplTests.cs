using Litespark.Energy;

namespace Litespark.Tests.Energy;

public sealed class RaplTests : IDisposable
{
    readonly FakeSysfs sysfs = new();

    public void Dispose() => sysfs.Dispose();

    IEnergyMeter Open() => EnergyMeters.Open(new EnergyMeterOptions { SysfsRoot = sysfs.Root });

    [Fact]
    public void Packages_and_dram_are_summed_and_nothing_is_counted_twice()
    {
        sysfs.Set("class/powercap/intel-rapl/enabled", "1");
        sysfs.AddZone("intel-rapl:0", "package-0", 1_000_000);
        sysfs.AddZone("intel-rapl:0:0", "core", 0);
        sysfs.AddZone("intel-rapl:0:1", "uncore", 0);
        sysfs.AddZone("intel-rapl:0:2", "dram", 500_000, 65712999613);
        sysfs.AddZone("intel-rapl:1", "package-1", 2_000_000);
        sysfs.AddZone("intel-rapl:2", "psys", 0);
        sysfs.AddZone("intel-rapl-mmio:0", "package-0", 0);
        using IEnergyMeter meter = Open();
        Assert.Equal(("rapl", false), (meter.Source, meter.IsEstimate));
        Assert.Contains("package-0 + dram + package-1", meter.Explanation);
        Assert.Equal(0, meter.ReadJoules());

        foreach (string zone in new[] { "intel-rapl:0:0", "intel-rapl:0:1", "intel-rapl:2", "intel-rapl-mmio:0" }) sysfs.SetZone(zone, 900_000_000);
        sysfs.SetZone("intel-rapl:0", 11_000_000);
        sysfs.SetZone("intel-rapl:0:2", 1_500_000);
        sysfs.SetZone("intel-rapl:1", 7_000_000);
        Assert.Equal(10 + 1 + 5, meter.ReadJoules(), 9);
    }

    [Fact]
    public void The_platform_counts_where_there_is_no_package()
    {
        sysfs.AddZone("intel-rapl:0", "psys", 0);
        using IEnergyMeter meter = Open();
        sysfs.SetZone("intel-rapl:0", 3_000_000);
        Assert.Equal(3, meter.ReadJoules(), 9);
    }

    [Fact]
    public void A_counter_that_wraps_goes_on_from_where_it_was()
    {
        sysfs.AddZone("intel-rapl:0", "package-0", 9_000_000, range: 10_000_000);
        sysfs.AddZone("intel-rapl:1", "package-1", 0, range: 262143328850);
        using IEnergyMeter meter = Open();
        sysfs.SetZone("intel-rapl:0", 2_000_000);
        Assert.Equal(3, meter.ReadJoules(), 9);
        sysfs.SetZone("intel-rapl:0", 1_000_000);
        sysfs.SetZone("intel-rapl:1", 5_000_000);
        Assert.Equal(3 + 9 + 5, meter.ReadJoules(), 9);
    }

    [Fact]
    public void A_background_thread_sees_the_wraps_that_nobody_reads()
    {
        // 100 J at 2 kW wrap in 50 ms, so the thread reads at its shortest interval.
        sysfs.AddZone("intel-rapl:0", "package-0", 90_000_000, range: 100_000_000);
        using var meter = (CounterMeter)Open();
        Assert.Equal(TimeSpan.FromMilliseconds(50), meter.SamplingInterval);
        sysfs.SetZone("intel-rapl:0", 10_000_000);
        SpinWait.SpinUntil(() => meter.LastJoules >= 20, TimeSpan.FromSeconds(20));
        sysfs.SetZone("intel-rapl:0", 95_000_000);
        Assert.Equal(20 + 85, meter.ReadJoules(), 9);
    }

    [Fact]
    public void No_thread_runs_where_no_counter_can_wrap_in_a_long_run()
    {
        sysfs.AddZone("intel-rapl:0", "package-0", 0, range: ulong.MaxValue);
        using var meter = (CounterMeter)Open();
        Assert.Null(meter.SamplingInterval);
    }

    [Fact]
    public void A_failed_read_keeps_the_sum_and_the_next_good_one_makes_it_good()
    {
        sysfs.AddZone("intel-rapl:0", "package-0", 1_000_000);
        using IEnergyMeter meter = Open();
        sysfs.SetZone("intel-rapl:0", 2_000_000);
        Assert.Equal(1, meter.ReadJoules(), 9);
        sysfs.Set("class/powercap/intel-rapl:0/energy_uj", "");
        Assert.Equal(1, meter.ReadJoules(), 9);
        sysfs.SetZone("intel-rapl:0", 6_000_000);
        Assert.Equal(5, meter.ReadJoules(), 9);
    }

    [Fact]
    public void A_closed_meter_keeps_its_last_figure()
    {
        sysfs.AddZone("intel-rapl:0", "package-0", 0);
        IEnergyMeter meter = Open();
        sysfs.SetZone("intel-rapl:0", 4_000_000);
        Assert.Equal(4, meter.ReadJoules(), 9);
        meter.Dispose();
        meter.Dispose();
        Assert.Equal(4, meter.ReadJoules(), 9);
    }

    [Fact]
    public void One_package_denied_means_an_estimate_that_says_why_and_what_to_do()
    {
        sysfs.AddZone("intel-rapl:0", "package-0", 0);
        sysfs.AddZone("intel-rapl:1", "package-1", 0);
        sysfs.Deny("class/powercap/intel-rapl:1/energy_uj");
        using IEnergyMeter meter = Open();
        Assert.Equal(("estimate", true), (meter.Source, meter.IsEstimate));
        Assert.Contains("intel-rapl:1/energy_uj may not be read by this user", meter.Explanation);
        Assert.Contains("sudo chmod a+r", meter.Explanation);
    }

    [Fact]
    public void Zones_emptied_by_a_container_are_named_as_such()
    {
        Directory.CreateDirectory(Path.Combine(sysfs.Root, "class/powercap/intel-rapl:0"));
        using IEnergyMeter meter = Open();
        Assert.Contains("its contents are hidden. To fix: in a container, mount", meter.Explanation);
        sysfs.AddZone("intel-rapl:0", "package-0", 0);
        sysfs.Delete("class/powercap/intel-rapl:0/energy_uj");
        using IEnergyMeter second = Open();
        Assert.Contains("energy_uj is missing. To fix: in a container, mount", second.Explanation);
    }

    [Fact]
    public void A_source_insisted_on_is_an_error_where_it_cannot_be_read()
    {
        var options = new EnergyMeterOptions { SysfsRoot = sysfs.Root, Source = "rapl" };
        UserErrorException error = Assert.Throws<UserErrorException>(() => EnergyMeters.Open(options));
        Assert.Contains("'rapl' cannot be read: no RAPL counters in", error.Message);
        error = Assert.Throws<UserErrorException>(() => EnergyMeters.Open(options with { Source = "wattmeter" }));
        Assert.Contains("right would be nvml (on GPUs), rapl, hwmon or estimate", error.Message);
        sysfs.AddZone("intel-rapl:0", "package-0", 0);
        using IEnergyMeter meter = EnergyMeters.Open(options);
        Assert.Equal("rapl", meter.Source);
    }

    [Fact]
    public void Reading_allocates_nothing()
    {
        sysfs.AddZone("intel-rapl:0", "package-0", 1);
        sysfs.AddZone("intel-rapl:0:0", "dram", 1);
        using IEnergyMeter meter = Open();
        for (int i = 0; i < 100; i++) meter.ReadJoules();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) meter.ReadJoules();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
