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
        // The runtime allocates once when two threads first wait for one lock, which on a busy machine may happen in any sample, but only in one.
        long least = long.MaxValue;
        for (int i = 0; i < 3; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            probe.Sample(pool);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.Equal(0, least);
    }
}
