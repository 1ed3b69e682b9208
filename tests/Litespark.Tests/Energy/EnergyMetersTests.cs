using System.Diagnostics;
using Litespark.Energy;

namespace Litespark.Tests.Energy;

public sealed class EnergyMetersTests : IDisposable
{
    readonly FakeSysfs sysfs = new();

    public void Dispose() => sysfs.Dispose();

    [Fact]
    public void The_estimate_is_the_share_of_the_machines_processors_times_its_power()
    {
        sysfs.Set("devices/system/cpu/online", "0-2,8-12");
        using IEnergyMeter meter = EnergyMeters.Open(new EnergyMeterOptions { SysfsRoot = sysfs.Root, TdpWatts = 80 });
        Assert.Contains("the stated 80 W over 8 logical processors", meter.Explanation);
        TimeSpan before = Environment.CpuUsage.TotalTime;
        double first = meter.ReadJoules();
        long start = Stopwatch.GetTimestamp();
        while (Environment.CpuUsage.TotalTime - before < TimeSpan.FromMilliseconds(50) && Stopwatch.GetElapsedTime(start).TotalSeconds < 20) { }
        double used = meter.ReadJoules() - first;
        TimeSpan after = Environment.CpuUsage.TotalTime;
        Assert.True(used > 0);
        Assert.True(used <= 80.0 / 8 * (after - before).TotalSeconds);
    }

    [Fact]
    public void The_estimate_is_named_one_and_says_what_it_assumes_and_why()
    {
        using IEnergyMeter meter = EnergyMeters.Open(new EnergyMeterOptions { SysfsRoot = sysfs.Root });
        Assert.Equal(("estimate", true), (meter.Source, meter.IsEstimate));
        Assert.StartsWith("estimate, not a measurement", meter.Explanation);
        Assert.Contains("an assumed 5 W for each of", meter.Explanation);
        Assert.Contains("rapl: no RAPL counters", meter.Explanation);
        Assert.Contains("hwmon: no energy counter of an AMD processor", meter.Explanation);
        Assert.Contains("modprobe", meter.Explanation);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    [InlineData(double.NaN)]
    public void An_impossible_power_is_refused(double watts)
    {
        UserErrorException error = Assert.Throws<UserErrorException>(() => EnergyMeters.Open(new EnergyMeterOptions { TdpWatts = watts }));
        Assert.Contains("positive number of watts", error.Message);
    }

    [Fact]
    public void Nvml_is_refused_for_a_run_on_the_processor_with_what_to_use()
    {
        UserErrorException error = Assert.Throws<UserErrorException>(() => EnergyMeters.Open(new EnergyMeterOptions { Source = EnergySources.Nvml, SysfsRoot = sysfs.Root }));
        Assert.Contains("counts NVIDIA GPUs, and this run computes on the processor", error.Message);
        Assert.Contains("energy.source: auto", error.Message);
        Assert.DoesNotContain("not known", error.Message);
    }

    [Fact]
    public void The_description_lists_every_source_with_its_reason()
    {
        sysfs.AddZone("intel-rapl:0", "package-0", 0);
        sysfs.Set("class/hwmon/hwmon0/name", "amd_energy");
        sysfs.Set("class/hwmon/hwmon0/energy1_label", "Esocket0");
        sysfs.Deny("class/hwmon/hwmon0/energy1_input");
        IReadOnlyList<EnergySourceStatus> statuses = EnergyMeters.Describe(new EnergyMeterOptions { SysfsRoot = sysfs.Root, NvmlLibrary = "nowhere" });
        Assert.Equal(["nvml", "rapl", "hwmon", "estimate"], statuses.Select(status => status.Source));
        Assert.Equal([false, true, false, true], statuses.Select(status => status.IsAvailable));
        Assert.Contains("package-0", statuses[1].Detail);
        Assert.Null(statuses[1].Fix);
        Assert.Contains("install its driver", statuses[0].Fix);
        Assert.Contains("sudo chmod", statuses[2].Fix);
    }

    [Fact]
    public void This_machines_own_meter_grows_and_its_reads_allocate_nothing()
    {
        using IEnergyMeter meter = EnergyMeters.Open();
        double last = meter.ReadJoules();
        bool grows = true;
        long least = long.MaxValue;
        for (int round = 0; round < 20 && least > 0; round++) // the first ones may still compile
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 100; i++)
            {
                double now = meter.ReadJoules();
                grows &= now >= last;
                last = now;
            }

            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
        Assert.True(grows);
    }

    [Fact]
    public void Windows_overlap_and_give_joules_seconds_and_watts()
    {
        sysfs.AddZone("intel-rapl:0", "package-0", 0);
        using IEnergyMeter meter = EnergyMeters.Open(new EnergyMeterOptions { SysfsRoot = sysfs.Root });
        EnergyWindow outer = EnergyWindow.Begin(meter);
        sysfs.SetZone("intel-rapl:0", 1_000_000);
        EnergyWindow inner = EnergyWindow.Begin(meter);
        sysfs.SetZone("intel-rapl:0", 3_000_000);
        Assert.Equal(2, inner.End().Joules, 9);
        sysfs.SetZone("intel-rapl:0", 7_000_000);
        EnergyReading reading = outer.End();
        Assert.Equal(7, reading.Joules, 9);
        Assert.True(reading.Seconds > 0);
        Assert.True(new EnergyReading(1, 1, IsImprecise: true).Above(1) is { Joules: 0, IsImprecise: true });
        Assert.Equal(25, new EnergyReading(50, 2).Watts);
        Assert.Equal(0, new EnergyReading(50, 0).Watts);
    }

    [Fact]
    public void A_kilowatt_hour_is_the_intensitys_grams()
    {
        Assert.Equal(350, Carbon.Grams(3.6e6), 9);
        Assert.Equal(120, Carbon.Grams(7.2e6, kilogramsPerKilowattHour: 0.05, pue: 1.2), 9);
    }

    [Fact]
    public void Joules_per_token_are_taken_over_five_trailing_seconds()
    {
        var window = new JoulesPerTokenWindow();
        long second = Stopwatch.Frequency;
        // 2 J per token for ten seconds of 10 ms steps, then 6.
        double joules = 0;
        for (int step = 0; step <= 2000; step++)
        {
            double? result = window.Add(step * second / 100, joules, step * 10L);
            if (step < 500) Assert.Null(result);
            else if (step <= 1000) Assert.Equal(2, result!.Value, 9);
            else if (step is > 1100 and < 1400) Assert.InRange(result!.Value, 2.1, 5.9);
            else if (step >= 1510) Assert.Equal(6, result!.Value, 9);
            joules += step < 1000 ? 20 : 60;
        }

        window.Clear();
        Assert.Null(window.Add(30 * second, joules, 20010));
        Assert.Equal(0.5, window.Add(42 * second, joules + 10, 20030)!.Value, 9);
    }
}
