using Litespark.Cli.Handlers;
using Litespark.Energy;
using Litespark.Planning;
using Litespark.Tests.Energy.Nodes;
using Litespark.Tests.Training;

namespace Litespark.Tests.Cli;

public sealed class ProfiledMachineTests
{
    /// <summary>A device that no step fits into.</summary>
    sealed class Full : IDevice
    {
        public bool IsDisposed { get; private set; }

        public string Name => "cpu";

        public string HardwareName => "full";

        public IReadOnlyList<(string Name, string Value)> Facts => [];

        public int Threads => 1;

        public DeviceProfile Profile => DeviceProfile.Cpu;

        public ILoadedProgram Load(StepProgram program) => throw new UserErrorException("no room");

        public double SamplePeakFlops() => 1;

        public double SampleBandwidth() => 1;

        public void Dispose() => IsDisposed = true;
    }

    [Fact]
    public void A_step_that_is_refused_leaves_neither_device_nor_meter_open()
    {
        using var tiny = new TinyRun();
        var meter = new FakeMeter(EnergySources.Rapl);
        var device = new Full();
        Assert.Equal("no room", Assert.Throws<UserErrorException>(() => new ProfiledMachine(tiny.Load(), device, _ => meter)).Message);
        Assert.True(device.IsDisposed && meter.IsDisposed);
        var other = new Full();
        Assert.Throws<UserErrorException>(() => new ProfiledMachine(tiny.Load(), other, _ => throw new UserErrorException("no meter")));
        Assert.True(other.IsDisposed);
    }
}
