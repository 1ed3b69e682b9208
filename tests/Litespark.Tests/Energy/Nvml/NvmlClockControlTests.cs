using Litespark.Energy;
using Litespark.Energy.Clocks;
using Litespark.Energy.Nvml;
using Litespark.Energy.Profiles;
using Litespark.Tests.Energy.Simulation;

namespace Litespark.Tests.Energy.Nvml;

/// <summary>Clocks through NVML's calls, and a profile with all of NVML's.</summary>
public sealed class NvmlClockControlTests
{
    const int NotSupported = 3, NoPermission = 4;

    static (uint Core, uint Memory) Clocks(StandInNvml nvml, int gpu = 0)
    {
        using NvmlLibrary library = NvmlLibrary.Open(nvml.FilePath);
        nvml.Load(gpu, 0.1, 0.1);
        library.ByIndex(gpu, out nint device);
        library.ClockInfo(device, NvmlClock.Graphics, out uint core);
        library.ClockInfo(device, NvmlClock.Memory, out uint memory);
        return (core, memory);
    }

    [StandInFact]
    public void Clocks_are_bounded_and_left_to_the_gpu_again()
    {
        using var nvml = StandInNvml.Create(StandInGpu.Rtx3080Ti);
        using (var control = NvmlClockControl.Open(nvml.Options("GPU-02345678-0000-0000-0000-000000000000")))
        {
            Assert.Equal([405, 810, 5001, 9251, 9501], control.MemoryClocks);
            Assert.Equal((210, 2100, 127), (control.CoreClocks[0], control.CoreClocks[^1], control.CoreClocks.Count));
            Assert.Equal(1, control.Gpus);
            long before = nvml.GetTimestamp();
            control.Set(ClockPair.Automatic);
            Assert.Equal(before, nvml.GetTimestamp()); // nothing to change, no call
            control.Set(new ClockPair(1260, 5001));
            Assert.Equal(0.080, (nvml.GetTimestamp() - before) * 1e-9, 9);
            nvml.Advance(0.1);
            Assert.Equal((1260u, 5001u), Clocks(nvml));
            Assert.Equal((1260, 5001), control.Read());
            control.Set(new ClockPair(null, 5001));
            nvml.Advance(0.1);
            Assert.Equal((2100u, 5001u), Clocks(nvml));
            control.Set(new ClockPair(840, 5001));
        }

        nvml.Advance(0.1);
        Assert.Equal((2100u, 9501u), Clocks(nvml));
        Assert.Equal(0, nvml.Users);
    }

    [StandInFact]
    public void All_gpus_of_a_run_change_one_after_another()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200, StandInGpu.H200, StandInGpu.H200);
        using var control = NvmlClockControl.Open(nvml.Options("0000:01:00.0", "0000:03:00.0"));
        Assert.Equal(2, control.Gpus);
        long before = nvml.GetTimestamp();
        control.Set(new ClockPair(1500, null));
        Assert.Equal(2 * 0.0051, (nvml.GetTimestamp() - before) * 1e-9, 9);
        nvml.Advance(0.01);
        Assert.Equal((1500u, 1980u, 1500u), (Clocks(nvml, 0).Core, Clocks(nvml, 1).Core, Clocks(nvml, 2).Core));
    }

    [StandInFact]
    public void Who_may_not_or_cannot_is_told_what_to_do()
    {
        using var nvml = StandInNvml.Create(StandInGpu.Rtx3080Ti);
        using var control = NvmlClockControl.Open(nvml.Options());
        nvml.Fail("nvmlDeviceSetGpuLockedClocks", NoPermission);
        Assert.Contains("needs the capability SYS_ADMIN: run as root", Assert.Throws<UserErrorException>(() => control.Set(new ClockPair(1500, null))).Message);
        nvml.Fail("nvmlDeviceSetMemoryLockedClocks", NotSupported);
        Assert.Contains("Ampere and newer", Assert.Throws<UserErrorException>(() => control.Set(new ClockPair(null, 5001))).Message);
        nvml.Fail("nvmlDeviceGetClockInfo", 15);
        Assert.Contains("GPU is lost", Assert.Throws<UserErrorException>(() => control.Read()).Message);
        nvml.Fail("nvmlDeviceGetSupportedMemoryClocks", NotSupported);
        Assert.Contains("does not list its clocks", Assert.Throws<UserErrorException>(() => NvmlClockControl.Open(nvml.Options())).Message);
        Assert.Contains("install its driver", Assert.Throws<UserErrorException>(() => NvmlClockControl.Open(new EnergyMeterOptions { NvmlLibrary = "nowhere" })).Message);
    }

    [StandInTheory]
    [InlineData(StandInGpu.Rtx3080Ti)]
    [InlineData(StandInGpu.H200)]
    [InlineData(StandInGpu.Tomorrow)]
    public void Both_simulations_are_the_same_gpus(object kind)
    {
        GpuPhysics physics = (StandInGpu)kind switch { StandInGpu.Rtx3080Ti => GpuPhysics.Rtx3080Ti, StandInGpu.H200 => GpuPhysics.H200, _ => GpuPhysics.Tomorrow };
        using var nvml = StandInNvml.Create((StandInGpu)kind);
        using var control = NvmlClockControl.Open(nvml.Options());
        Assert.Equal(physics.MemoryClocks, control.MemoryClocks.Select(clock => (double)clock));
        Assert.Equal((physics.CoreMin, physics.CoreMax), (control.CoreClocks[0], control.CoreClocks[^1]));
        foreach (ClockPair pair in new[] { ClockPair.Automatic, new((int)physics.CoreMin + (20 * (int)physics.CoreStep), null), new(null, (int)physics.MemoryClocks[^1]) })
        {
            foreach (KernelWork work in new KernelWork[] { new(900, 600), new(100, 2000) })
            {
                control.Set(pair);
                for (int i = 0; i < 400; i++) nvml.Run(0, work.CoreMegacycles, work.MemoryMegacycles); // until it is warm
                double before = nvml.Joules(0), seconds = nvml.Run(0, work.CoreMegacycles, work.MemoryMegacycles), joules = nvml.Joules(0) - before;
                StepCost expected = SteadyState.Run(physics, work, pair);
                // One clock step of the governor is the difference under the power limit.
                Assert.InRange(seconds, expected.Seconds * 0.98, expected.Seconds * 1.02);
                Assert.InRange(joules, expected.Joules * 0.98, expected.Joules * 1.02);
            }
        }
    }

    [StandInFact]
    public void A_profile_through_nvmls_own_calls_finds_the_simulations_truth()
    {
        using var nvml = StandInNvml.Create(StandInGpu.H200);
        EnergyMeterOptions options = nvml.Options("0000:01:00.0");
        using IEnergyMeter meter = EnergyMeters.Open(options);
        using var control = NvmlClockControl.Open(options);
        var step = new SimulatedStep("Simulated H200", SimulatedStep.Small, SimulatedStep.SmallParts, (work, times) => nvml.Run(0, work.CoreMegacycles * times, work.MemoryMegacycles * times));
        EnergyProfile profile = new EnergyProfiler(step, meter, control, null, null, nvml, length => nvml.Advance(length.TotalSeconds)).Run(ClockGrid.Of(control, 600));
        Assert.Equal("nvml", profile.Device.EnergySource);
        Assert.True(profile.Closure!.Closes, $"{profile.Closure}");
        foreach ((ProfiledKernel kernel, (_, KernelWork work)) in profile.Kernels.Zip(SimulatedStep.Small))
        {
            foreach ((ClockPair pair, Measurement? point) in profile.Clocks.Zip(kernel.Points))
            {
                StepCost expected = SteadyState.Run(GpuPhysics.H200, work, pair);
                Assert.InRange(point!.Seconds, expected.Seconds * 0.98, expected.Seconds * 1.02);
                Assert.InRange(point.Joules!.Value, expected.Joules * 0.95, expected.Joules * 1.05);
            }
        }

        Assert.InRange(profile.Switching!.CallSeconds, 0.0050, 0.0052);
        var planner = new ClockPlanner(profile);
        Assert.Contains((4, new ClockPair(780, null)), planner.Points(planner.MinimizeEnergy(PlanLevel.Kernel, 0.01)));
    }
}
