using Litespark.Devices.Cpu;

namespace Litespark.Tests.Devices.Cpu;

public class PeakProbeTests
{
    [Theory]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(16)]
    public void Every_width_gives_a_rate(int width)
    {
        using var pool = new WorkerPool(2);
        // Bounds of physics, not of speed: a thread multiplies at least a million times a second and no machine reaches a petaflop.
        Assert.InRange(new PeakProbe(width).Sample(pool), 1e6, 1e15);
        Assert.InRange(new PeakProbe(width).SampleThread(), 1e6, 1e15);
    }

    [Fact]
    public void Sampling_allocates_nothing()
    {
        using var pool = new WorkerPool(2);
        var probe = new PeakProbe();
        probe.Sample(pool);
        long before = GC.GetAllocatedBytesForCurrentThread();
        probe.Sample(pool);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
