using Litespark.Energy.Nvml;

namespace Litespark.Tests.Energy.Nvml;

/// <summary>The simulated GPUs behave as what they simulate.</summary>
public sealed class StandInTests
{
    const int NoPermission = 4;

    static (uint Core, uint Memory) Clocks(StandInNvml nvml, int gpu = 0)
    {
        using NvmlLibrary library = NvmlLibrary.Open(nvml.FilePath);
        library.ByIndex(gpu, out nint device);
        library.ClockInfo(device, NvmlClock.Graphics, out uint core);
        library.ClockInfo(device, NvmlClock.Memory, out uint memory);
        return (core, memory);
    }

    static void Initialize(StandInNvml nvml, Action test)
    {
        using NvmlLibrary library = NvmlLibrary.Open(nvml.FilePath);
        test();
    }

    [StandInTheory]
    [InlineData(StandInGpu.Rtx3080Ti, 0.040, 0.050)]
    [InlineData(StandInGpu.H200, 0.0051, 0.0060)]
    [InlineData(StandInGpu.Tomorrow, 0.000008, 0.000010)]
    public void A_switch_takes_the_call_and_then_some(object kind, double callSeconds, double wholeSeconds)
    {
        using var nvml = StandInNvml.Create((StandInGpu)kind);
        Initialize(nvml, () =>
        {
            nvml.Load(0, 0.1, 0.1);
            (uint free, _) = Clocks(nvml);
            Assert.Equal(0, nvml.Call("nvmlDeviceSetGpuLockedClocks", 0, 0, 1200));
            Assert.Equal(callSeconds, nvml.GetTimestamp() * 1e-9, 9);
            Assert.Equal(free, Clocks(nvml).Core);
            nvml.Advance(wholeSeconds - callSeconds);
            Assert.Equal(1200u, Clocks(nvml).Core);
            Assert.Equal(0, nvml.Call("nvmlDeviceResetGpuLockedClocks", 0));
            nvml.Advance(wholeSeconds);
            Assert.Equal(free, Clocks(nvml).Core);
        });
    }

    [StandInFact]
    public void Memory_clocks_are_those_that_the_gpu_has()
    {
        using var nvml = StandInNvml.Create(StandInGpu.Rtx3080Ti, StandInGpu.H200);
        Initialize(nvml, () =>
        {
            nvml.Load(0, 0.1, 0.1);
            nvml.Load(1, 0.1, 0.1);
            foreach ((uint asked, uint given) in new[] { (9251u, 9251u), (7000u, 5001u), (405u, 810u) })
            {
                Assert.Equal(0, nvml.Call("nvmlDeviceSetMemoryLockedClocks", 0, 405, asked));
                nvml.Advance(1);
                Assert.Equal(given, Clocks(nvml).Memory);
            }

            Assert.NotEqual(0, nvml.Call("nvmlDeviceSetMemoryLockedClocks", 1, 1000, 2000));
            nvml.Advance(1);
            Assert.Equal(3201u, Clocks(nvml, 1).Memory);
        });
    }

    [StandInFact]
    public void Clocks_are_kept_from_those_who_may_not()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        Initialize(nvml, () =>
        {
            nvml.Fail("nvmlDeviceSetGpuLockedClocks", NoPermission);
            Assert.Equal(NoPermission, nvml.Call("nvmlDeviceSetGpuLockedClocks", 0, 1000, 1000));
            nvml.Load(0, 0.1, 0.1);
            nvml.Advance(1);
            Assert.Equal(1980u, Clocks(nvml).Core);
        });
    }

    [StandInFact]
    public void The_power_limit_holds_and_a_lock_above_it_does_not()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        Initialize(nvml, () =>
        {
            nvml.Load(0, 1, 1);
            nvml.Advance(100);
            Assert.InRange(nvml.Joules(0), 100 * 650, 100 * 700);
            nvml.Call("nvmlDeviceSetGpuLockedClocks", 0, 1830, 1830);
            nvml.Advance(1);
            Assert.True(Clocks(nvml).Core < 1830);
            nvml.Call("nvmlDeviceSetGpuLockedClocks", 0, 1500, 1500);
            nvml.Advance(1);
            Assert.Equal(1500u, Clocks(nvml).Core);
        });
    }

    [StandInFact]
    public void Temperature_follows_power_slowly_and_raises_it()
    {
        using var nvml = StandInNvml.Create(StandInGpu.Rtx3080Ti);
        using NvmlLibrary library = NvmlLibrary.Open(nvml.FilePath);
        library.ByIndex(0, out nint device);
        nvml.Load(0, 0.9, 0.2);
        library.InstantPower(device, out double cold);
        nvml.Advance(100);
        library.InstantPower(device, out double warm);
        library.Temperature(device, out uint celsius);
        Assert.InRange(celsius, 65u, 80u);
        Assert.True(warm > cold);
    }

    [StandInFact]
    public void A_kernel_takes_its_slower_resources_time_and_a_lower_clock_of_the_other_saves_energy()
    {
        using var nvml = StandInNvml.Create(StandInGpu.Tomorrow);
        Initialize(nvml, () =>
        {
            // Bound by memory: 4 G cycles at 4000 MHz are a second; the core needs 0.4 s of it at full clock, and 0.8 s at half.
            double before = nvml.Joules(0), seconds = nvml.Run(0, 960, 4000), free = nvml.Joules(0) - before;
            Assert.Equal(1, seconds, 1e-6);
            nvml.Call("nvmlDeviceSetGpuLockedClocks", 0, 1200, 1200);
            nvml.Advance(0.001);
            before = nvml.Joules(0);
            Assert.Equal(1, nvml.Run(0, 960, 4000), 1e-6);
            Assert.True(nvml.Joules(0) - before < 0.9 * free);
            // Bound by the core: half the clock is twice the time.
            Assert.Equal(2, nvml.Run(0, 2400, 400), 1e-6);
            nvml.Call("nvmlDeviceResetGpuLockedClocks", 0);
            nvml.Advance(0.001);
            Assert.Equal(1, nvml.Run(0, 2400, 400), 1e-6);
            Assert.Equal(0, nvml.Run(0, 0, 0));
        });
    }
}
