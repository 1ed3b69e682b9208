using System.Runtime.CompilerServices;
using Litespark.Energy.Nvml;

namespace Litespark.Tests.Energy.Nvml;

public sealed class NvmlLibraryTests
{
    [Fact]
    public void A_field_value_is_laid_out_as_in_C() => Assert.Equal(40, Unsafe.SizeOf<NvmlFieldValue>());

    [StandInTheory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Power_is_read_whichever_type_the_driver_gives_it(int type)
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        using NvmlLibrary library = NvmlLibrary.Open(nvml.FilePath);
        Assert.Equal(NvmlReturn.Success, library.ByIndex(0, out nint device));
        nvml.SetValueType(type);
        Assert.Equal(NvmlReturn.Success, library.InstantPower(device, out double instant));
        Assert.Equal(NvmlReturn.Success, library.PowerUsage(device, out uint power));
        Assert.Equal(power, instant, 1.0);
        Assert.InRange(power, 70_000u, 120_000u);
    }

    [StandInFact]
    public void A_type_that_is_unknown_is_no_reading()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        using NvmlLibrary library = NvmlLibrary.Open(nvml.FilePath);
        library.ByIndex(0, out nint device);
        nvml.SetValueType(9);
        Assert.Equal(NvmlReturn.NotSupported, library.InstantPower(device, out _));
    }

    [StandInFact]
    public void Clocks_temperature_limit_and_names_are_read()
    {
        using var nvml = StandInNvml.Create(StandInGpu.Rtx3080Ti, StandInGpu.H200);
        using NvmlLibrary library = NvmlLibrary.Open(nvml.FilePath);
        library.Count(out int count);
        Assert.Equal(2, count);
        library.ByPciBusId("0000:02:00.0", out nint device);
        library.ByIndex(1, out nint same);
        Assert.Equal(same, device);
        nvml.Load(1, 0.1, 0.1);
        library.Uuid(device, out string uuid);
        library.ClockInfo(device, NvmlClock.StreamingMultiprocessor, out uint core);
        library.ClockInfo(device, NvmlClock.Memory, out uint memory);
        library.Temperature(device, out uint celsius);
        library.EnforcedPowerLimit(device, out uint limit);
        Assert.Equal(("GPU-12345678-0000-0000-0000-000000000000", 1980u, 3201u, 30u, 700_000u), (uuid, core, memory, celsius, limit));
        Assert.Equal(NvmlReturn.NotFound, library.ByUuid("GPU-9", out _));
        Assert.Equal("Insufficient Permissions", library.ErrorText(NvmlReturn.NoPermission));
    }

    [StandInFact]
    public void What_does_not_start_is_not_shut_down()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        nvml.Fail("nvmlInit_v2", 18);
        NvmlUnavailableException error = Assert.Throws<NvmlUnavailableException>(() => NvmlLibrary.Open(nvml.FilePath));
        Assert.Equal("NVML does not start (Driver/library version mismatch)", error.Message);
        Assert.Contains("reboot", error.Fix);
        Assert.Equal(0, nvml.Users);
    }
}
