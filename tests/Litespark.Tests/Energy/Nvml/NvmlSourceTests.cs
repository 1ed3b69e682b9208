using Litespark.Energy;

namespace Litespark.Tests.Energy.Nvml;

/// <summary>Which meter a run gets, and what is said where it is none.</summary>
public sealed class NvmlSourceTests : IDisposable
{
    const string Gpu = "0000:01:00.0";

    readonly FakeSysfs sysfs = new();

    public void Dispose() => sysfs.Dispose();

    [StandInFact]
    public void Gpus_count_for_a_run_on_gpus_and_processors_for_one_on_the_processor()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        sysfs.AddZone("intel-rapl:0", "package-0", 0);
        EnergyMeterOptions options = nvml.Options(Gpu) with { SysfsRoot = sysfs.Root };
        using IEnergyMeter onGpu = EnergyMeters.Open(options), onProcessor = EnergyMeters.Open(options with { Gpus = [] }), asked = EnergyMeters.Open(options with { Source = "rapl" });
        Assert.Equal(("nvml", "rapl", "rapl"), (onGpu.Source, onProcessor.Source, asked.Source));
    }

    [StandInFact]
    public void Gpus_that_cannot_be_read_are_estimated_though_the_processor_could_be_read()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        sysfs.AddZone("intel-rapl:0", "package-0", 0);
        nvml.Fail("nvmlDeviceGetTotalEnergyConsumption", 4);
        nvml.Fail("nvmlDeviceGetFieldValues", 4);
        nvml.Fail("nvmlDeviceGetPowerUsage", 4);
        EnergyMeterOptions options = nvml.Options(Gpu) with { SysfsRoot = sysfs.Root };
        using IEnergyMeter meter = EnergyMeters.Open(options), stated = EnergyMeters.Open(options with { TdpWatts = 300 });
        Assert.Equal(("estimate", true), (meter.Source, meter.IsEstimate));
        Assert.Equal(
            "estimate, not a measurement: time × an assumed 500 W for each of 1 GPUs at full load. nvml: Simulated H200 gives neither its energy nor its power "
            + "(Insufficient Permissions). To fix: let this user read and write /dev/nvidiactl and /dev/nvidia0, or run as root.",
            meter.Explanation);
        nvml.Advance(4);
        Assert.Equal(2000, meter.ReadJoules(), 1e-6);
        Assert.Equal(1200, stated.ReadJoules(), 1e-6);
        Assert.Contains("the stated 300 W of all GPUs", stated.Explanation);
        Assert.Equal(0, nvml.Users);
    }

    [Fact]
    public void A_machine_without_the_library_says_what_to_install()
    {
        var options = new EnergyMeterOptions { Gpus = ["0"], NvmlLibrary = "/nowhere/libnvidia-ml.so.1", Source = "nvml" };
        UserErrorException error = Assert.Throws<UserErrorException>(() => EnergyMeters.Open(options));
        Assert.Contains("/nowhere/libnvidia-ml.so.1 is not found, so no NVIDIA driver is installed. To fix: on a machine with an NVIDIA GPU, install its driver;", error.Message);
    }

    [StandInTheory]
    [InlineData("nvmlInit_v2", 9, "NVML does not start (Driver Not Loaded). To fix: 'sudo modprobe nvidia'")]
    [InlineData("nvmlInit_v2", 18, "NVML does not start (Driver/library version mismatch). To fix: reboot")]
    [InlineData("nvmlInit_v2", 17, "NVML does not start (Unknown Error). To fix: in a container, start it with the GPUs")]
    [InlineData("nvmlDeviceGetHandleByPciBusId_v2", 15, "NVML does not reach the GPU at 0000:01:00.0 (GPU is lost). To fix: reboot")]
    [InlineData("nvmlDeviceGetHandleByPciBusId_v2", 4, "(Insufficient Permissions). To fix: let this user")]
    public void Every_failure_says_what_would_help(string function, int code, string expected)
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        nvml.Fail(function, code);
        UserErrorException error = Assert.Throws<UserErrorException>(() => EnergyMeters.Open(nvml.Options(Gpu) with { Source = "nvml" }));
        Assert.Contains(expected, error.Message);
        Assert.Equal(0, nvml.Users);
    }

    [StandInFact]
    public void The_description_shows_the_visible_gpus_of_the_machine()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200, StandInGpu.H200, StandInGpu.Rtx3080Ti);
        EnergyMeterOptions options = nvml.Options();
        EnergySourceStatus all = EnergyMeters.Describe(options)[0];
        Assert.Equal(("nvml", true), (all.Source, all.IsAvailable));
        Assert.Equal("NVML: 2 × Simulated H200 (limit 700 W), the GPU's energy counter; 1 × Simulated RTX 3080 Ti (limit 350 W), the GPU's energy counter", all.Detail);
        EnergySourceStatus one = EnergyMeters.Describe(options with { VisibleGpus = "2", GpuOrder = "PCI_BUS_ID" })[0];
        Assert.Equal("NVML: 1 × Simulated RTX 3080 Ti (limit 350 W), the GPU's energy counter", one.Detail);
        EnergySourceStatus none = EnergyMeters.Describe(options with { VisibleGpus = "" })[0];
        Assert.Equal((false, "CUDA_VISIBLE_DEVICES hides all GPUs from this process"), (none.IsAvailable, none.Detail));
        using var empty = StandInNvml.Create();
        Assert.Equal("NVML finds no GPU", EnergyMeters.Describe(empty.Options())[0].Detail);
    }
}
