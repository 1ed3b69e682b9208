using Litespark.Energy;
using Litespark.Energy.Nvml;

namespace Litespark.Tests.Energy.Nvml;

public sealed class NvmlMeterTests
{
    const string First = "0000:01:00.0", Second = "0000:02:00.0";

    [StandInFact]
    public void A_gpus_counter_is_read_in_its_own_steps()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        nvml.Load(0, 0.5, 0.5);
        nvml.Advance(3.21);
        using IEnergyMeter meter = EnergyMeters.Open(nvml.Options(First));
        Assert.Equal(("nvml", false), (meter.Source, meter.IsEstimate));
        Assert.Equal("NVML: 1 × Simulated H200 (limit 700 W), the GPU's energy counter", meter.Explanation);
        Assert.Equal(0, meter.ReadJoules());
        double before = nvml.Joules(0);
        nvml.Advance(0.05);
        Assert.Equal(0, meter.ReadJoules());
        nvml.Advance(0.05);
        double step = meter.ReadJoules();
        Assert.True(step > 20);
        nvml.Advance(10);
        double used = nvml.Joules(0) - before;
        // Both ends may be off by one step, 0.1 s of some 400 W.
        Assert.InRange(meter.ReadJoules(), used - step * 1.01, used + step * 1.01);
    }

    [StandInFact]
    public void The_gpus_of_the_run_are_summed_and_no_other()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200, StandInGpu.H200, StandInGpu.H200);
        using IEnergyMeter both = EnergyMeters.Open(nvml.Options(First, Second)), one = EnergyMeters.Open(nvml.Options(Second));
        Assert.Contains("2 × Simulated H200", both.Explanation);
        nvml.Load(0, 1, 1);
        nvml.Load(1, 0.2, 0.2);
        nvml.Load(2, 1, 1);
        nvml.Advance(10);
        Assert.Equal(nvml.Joules(0) + nvml.Joules(1), both.ReadJoules(), 0.01);
        Assert.Equal(nvml.Joules(1), one.ReadJoules(), 0.01);
        Assert.True(nvml.Joules(0) > 2 * nvml.Joules(1));
    }

    [StandInFact]
    public void A_counter_that_begins_again_goes_on_from_where_it_was()
    {
        using var nvml = StandInNvml.Create(StandInGpu.Tomorrow);
        nvml.SetCounter(0, 5_000_000);
        using IEnergyMeter meter = EnergyMeters.Open(nvml.Options(First));
        nvml.SetCounter(0, 5_000_250);
        Assert.Equal(250, meter.ReadJoules(), 1e-6);
        nvml.SetCounter(0, 40);
        Assert.Equal(290, meter.ReadJoules(), 1e-6);
        nvml.SetCounter(0, 100);
        Assert.Equal(350, meter.ReadJoules(), 1e-6);
    }

    [StandInFact]
    public void A_failed_read_keeps_the_sum_and_the_next_good_one_makes_it_good()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        nvml.SetCounter(0, 100);
        using IEnergyMeter meter = EnergyMeters.Open(nvml.Options(First));
        nvml.SetCounter(0, 130);
        Assert.Equal(30, meter.ReadJoules(), 1e-6);
        nvml.SetCounter(0, 170);
        nvml.Fail("nvmlDeviceGetTotalEnergyConsumption", 15);
        Assert.Equal(30, meter.ReadJoules(), 1e-6);
        nvml.Fail("nvmlDeviceGetTotalEnergyConsumption", 0);
        Assert.Equal(70, meter.ReadJoules(), 1e-6);
    }

    [StandInFact]
    public void Without_a_counter_power_is_integrated_and_said_to_be()
    {
        using var nvml = StandInNvml.Create(StandInGpu.Rtx3080Ti);
        nvml.SetAbilities(0, counter: false);
        nvml.Load(0, 0.3, 0.8);
        using IEnergyMeter meter = EnergyMeters.Open(nvml.Options(First));
        Assert.Contains("power sampled every 20 ms and integrated, as this GPU or driver has no energy counter", meter.Explanation);
        Assert.DoesNotContain("means of a second", meter.Explanation);
        double before = nvml.Joules(0);
        for (int i = 0; i < 500; i++)
        {
            nvml.Advance(0.02);
            meter.ReadJoules();
        }

        double used = nvml.Joules(0) - before;
        // Power drifts with temperature only, which trapezoids follow; samples are whole milliwatts.
        Assert.Equal(used, meter.ReadJoules(), used * 1e-5);
        Assert.True(used > 1000);
    }

    [StandInFact]
    public void A_thread_samples_power_that_nobody_reads()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        nvml.SetAbilities(0, counter: false);
        using var meter = (NvmlMeter)EnergyMeters.Open(nvml.Options(First));
        nvml.Advance(1);
        SpinWait.SpinUntil(() => meter.LastJoules > 0, TimeSpan.FromSeconds(20));
        Assert.Equal(nvml.Joules(0), meter.LastJoules, nvml.Joules(0) * 1e-3);
    }

    [StandInFact]
    public void The_mean_of_a_second_is_the_last_resort_and_said_to_be_one()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        nvml.SetAbilities(0, counter: false, instant: false);
        using IEnergyMeter meter = EnergyMeters.Open(nvml.Options(First));
        Assert.Contains("means of a second", meter.Explanation);
        nvml.Advance(2);
        meter.ReadJoules();
        double idle = nvml.Joules(0);
        nvml.Load(0, 1, 0.5);
        for (int i = 0; i < 500; i++)
        {
            nvml.Advance(0.02);
            meter.ReadJoules();
        }

        // The mean lags by half a second.
        double used = nvml.Joules(0) - idle, watts = used / 10;
        Assert.InRange(meter.ReadJoules() - idle, used - watts, used);
    }

    [StandInFact]
    public void An_older_driver_has_no_counter_and_no_fields_but_power()
    {
        using var nvml = StandInNvml.CreateOlder(StandInGpu.Rtx3080Ti);
        using IEnergyMeter meter = EnergyMeters.Open(nvml.Options(First));
        Assert.Contains("power sampled every 20 ms", meter.Explanation);
        nvml.Advance(1);
        Assert.True(meter.ReadJoules() > 0);
        nvml.SetAbilities(0, power: false);
        UserErrorException error = Assert.Throws<UserErrorException>(() => EnergyMeters.Open(nvml.Options(First) with { Source = "nvml" }));
        Assert.Contains("Simulated RTX 3080 Ti gives neither its energy nor its power (Not Supported). Right would also be estimate.", error.Message);
    }

    [StandInFact]
    public void A_read_that_is_dear_is_not_repeated_at_once()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        nvml.SetCounter(0, 0);
        using IEnergyMeter meter = EnergyMeters.Open(nvml.Options(First));
        nvml.SetReadSeconds(0.001);
        nvml.SetCounter(0, 1000);
        Assert.Equal(1000, meter.ReadJoules(), 1e-6);
        nvml.SetCounter(0, 2000);
        // Fifty times a millisecond.
        nvml.Advance(0.049);
        Assert.Equal(1000, meter.ReadJoules(), 1e-6);
        nvml.Advance(0.001);
        Assert.InRange(meter.ReadJoules(), 2000, 2100);
        nvml.SetReadSeconds(0.03);
        nvml.Advance(0.1);
        meter.ReadJoules();
        nvml.SetCounter(0, 5000);
        nvml.Advance(0.099);
        Assert.InRange(meter.ReadJoules(), 2000, 2200);
        nvml.Advance(0.001);
        Assert.InRange(meter.ReadJoules(), 5000, 5100);
    }

    [StandInFact]
    public void Reads_from_many_threads_never_fall_and_allocate_nothing()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200, StandInGpu.H200);
        nvml.SetAbilities(1, counter: false);
        using IEnergyMeter meter = EnergyMeters.Open(nvml.Options(First, Second));
        nvml.Load(0, 1, 1);
        nvml.Load(1, 1, 1);
        var failures = new int[4];
        var threads = failures.Select((_, index) => new Thread(() =>
        {
            double last = meter.ReadJoules();
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 500; i++)
            {
                nvml.Advance(0.001);
                double now = meter.ReadJoules();
                if (now < last) failures[index]++;
                last = now;
            }

            GC.KeepAlive(last);
        })).ToArray();
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.All(failures, count => Assert.Equal(0, count));
        Assert.InRange(meter.ReadJoules(), 0.9 * (nvml.Joules(0) + nvml.Joules(1)), nvml.Joules(0) + nvml.Joules(1) + 1);

        meter.ReadJoules();
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) meter.ReadJoules();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - allocated);
    }

    [StandInFact]
    public void A_closed_meter_keeps_its_last_figure_and_shuts_the_library_down()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        IEnergyMeter meter = EnergyMeters.Open(nvml.Options(First)), second = EnergyMeters.Open(nvml.Options(First));
        Assert.Equal(2, nvml.Users);
        nvml.Advance(1);
        double last = meter.ReadJoules();
        Assert.True(last > 0);
        meter.Dispose();
        meter.Dispose();
        Assert.Equal(1, nvml.Users);
        nvml.Advance(1);
        Assert.Equal(last, meter.ReadJoules());
        Assert.True(second.ReadJoules() > last);
        second.Dispose();
        Assert.Equal(0, nvml.Users);
    }

    [StandInFact]
    public void A_window_under_five_seconds_is_imprecise()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        using IEnergyMeter meter = EnergyMeters.Open(nvml.Options(First));
        EnergyWindow window = EnergyWindow.Begin(meter, nvml);
        nvml.Advance(4.9);
        EnergyReading early = window.End();
        Assert.True(early.IsImprecise);
        Assert.Equal(4.9, early.Seconds, 9);
        nvml.Advance(0.1);
        Assert.False(window.End().IsImprecise);
    }

    [StandInFact]
    public void Idle_power_is_measured_and_taken_off_where_asked()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        using IEnergyMeter meter = EnergyMeters.Open(nvml.Options(First));
        double idle = IdlePower.Measure(meter, null, nvml, length => nvml.Advance(length.TotalSeconds));
        Assert.Equal(nvml.Joules(0) / 5, idle, 0.01);
        Assert.Throws<ArgumentException>(() => IdlePower.Measure(meter, TimeSpan.FromSeconds(1), nvml, length => nvml.Advance(length.TotalSeconds)));

        EnergyWindow window = EnergyWindow.Begin(meter, nvml);
        nvml.Load(0, 1, 0);
        nvml.Advance(10);
        EnergyReading busy = window.End();
        Assert.Equal(busy.Watts - idle, busy.Above(idle).Watts, 1e-6);
        using IEnergyMeter estimate = EnergyMeters.Open(nvml.Options(First) with { Source = "estimate" });
        Assert.Throws<ArgumentException>(() => IdlePower.Measure(estimate));
    }
}
