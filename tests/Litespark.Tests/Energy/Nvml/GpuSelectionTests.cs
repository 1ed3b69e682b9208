using Litespark.Energy;

namespace Litespark.Tests.Energy.Nvml;

public sealed class GpuSelectionTests
{
    /// <summary>The GPUs that a meter counts, found out by giving each its own energy.</summary>
    static string Counted(StandInNvml nvml, EnergyMeterOptions options, int gpus)
    {
        for (int i = 0; i < gpus; i++) nvml.SetCounter(i, 0);
        using IEnergyMeter meter = EnergyMeters.Open(options with { Source = "nvml" });
        for (int i = 0; i < gpus; i++) nvml.SetCounter(i, 1 << i);
        int mask = (int)Math.Round(meter.ReadJoules());
        return string.Concat(Enumerable.Range(0, gpus).Where(i => (mask >> i & 1) == 1));
    }

    [StandInTheory]
    [InlineData(null, "0000:03:00.0", "2")]
    [InlineData("1", "0000:03:00.0", "2")]
    [InlineData(null, "GPU-12345678-0000-0000-0000-000000000000", "1")]
    [InlineData(null, "GPU-3", "3")]
    [InlineData(null, "2", "2")]
    [InlineData("3,1", "0", "3")]
    [InlineData("3,1", "1", "1")]
    [InlineData("GPU-2, GPU-0", "1", "0")]
    public void A_gpu_is_found_by_bus_by_UUID_and_by_CUDAs_number(string? visible, string gpu, string counted)
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200, StandInGpu.H200, StandInGpu.H200, StandInGpu.H200);
        Assert.Equal(counted, Counted(nvml, nvml.Options(gpu) with { VisibleGpus = visible }, 4));
    }

    [StandInFact]
    public void A_gpu_that_is_named_twice_counts_once()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200, StandInGpu.H200);
        Assert.Equal("1", Counted(nvml, nvml.Options("1", "0000:02:00.0"), 2));
    }

    [StandInTheory]
    [InlineData("2,-1,1", "1")]
    [InlineData("0,7,1", "1")]
    [InlineData("", "0")]
    [InlineData("1", "GPU-5")]
    [InlineData(null, "9")]
    public void A_gpu_that_is_not_visible_or_not_there_is_refused(string? visible, string gpu)
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200, StandInGpu.H200, StandInGpu.H200);
        UserErrorException error = Assert.Throws<UserErrorException>(() => EnergyMeters.Open(nvml.Options(gpu) with { VisibleGpus = visible, Source = "nvml" }));
        Assert.Contains($"NVML knows no GPU '{gpu}'. To fix: 'nvidia-smi -L'", error.Message);
        Assert.Equal(0, nvml.Users);
    }

    [StandInFact]
    public void Numbers_of_unlike_gpus_count_only_where_both_number_them_alike()
    {
        using var nvml = StandInNvml.Create(StandInGpu.Rtx3080Ti, StandInGpu.H200);
        UserErrorException error = Assert.Throws<UserErrorException>(() => EnergyMeters.Open(nvml.Options("0") with { Source = "nvml" }));
        Assert.Contains("set CUDA_DEVICE_ORDER=PCI_BUS_ID", error.Message);
        Assert.Equal("0", Counted(nvml, nvml.Options("0") with { GpuOrder = "PCI_BUS_ID" }, 2));
        Assert.Equal("1", Counted(nvml, nvml.Options("0000:02:00.0"), 2));
    }

    [StandInFact]
    public void A_part_of_a_gpu_is_not_measured()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        nvml.SetAbilities(0, mig: true);
        UserErrorException error = Assert.Throws<UserErrorException>(() => EnergyMeters.Open(nvml.Options("0000:01:00.0") with { Source = "nvml" }));
        Assert.Contains("Simulated H200 is cut into instances (MIG)", error.Message);
        Assert.Contains("nvidia-smi -mig 0", error.Message);
        nvml.SetAbilities(0);
        error = Assert.Throws<UserErrorException>(() => EnergyMeters.Open(nvml.Options("0") with { VisibleGpus = "MIG-c6d4f1ef", Source = "nvml" }));
        Assert.Contains("MIG-c6d4f1ef is cut into instances", error.Message);
    }
}
