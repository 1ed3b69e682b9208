using Litespark.Devices.Cpu.Simd;
using Litespark.Planning;

namespace Litespark.Devices.Cpu;

/// <summary>The processor: kernels in C# on the machine's vector registers, a persistent worker pool, no native dependency.</summary>
public sealed class CpuDevice : IDevice
{
    readonly WorkerPool pool;
    const int FirstSamples = 12;
    readonly PeakProbe probe;
    bool isAwake;

    /// <summary>Starts the workers.</summary>
    /// <param name="threads">Worker threads, the caller included; 0 = one for each processor that the process may use.</param>
    public CpuDevice(int threads = 0)
    {
        pool = new WorkerPool(threads > 0 ? threads : Environment.ProcessorCount);
        probe = new PeakProbe();
    }

    /// <inheritdoc/>
    public string Name => "cpu";

    /// <inheritdoc/>
    public string HardwareName => CpuName.Read();

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, string Value)> Facts => [("threads", $"{pool.ThreadCount}"), ("registers", $"{SimdWidth.Count * 32} bits")];

    /// <inheritdoc/>
    public int Threads => pool.ThreadCount;

    /// <inheritdoc/>
    public DeviceProfile Profile => DeviceProfile.Cpu;

    /// <summary>Worker threads.</summary>
    public int ThreadCount => pool.ThreadCount;

    /// <inheritdoc/>
    public ILoadedProgram Load(StepProgram program) => new CpuProgram(program, pool);

    /// <inheritdoc/>
    public double SamplePeakFlops()
    {
        double peak = probe.Sample(pool);

        // The first sample may find the clock low and the workers asleep: the best of several counts.
        for (int i = 0; i < FirstSamples && !isAwake; i++)
        {
            Thread.Sleep(10);
            peak = Math.Max(peak, probe.Sample(pool));
        }

        isAwake = true;
        return peak;
    }

    /// <inheritdoc/>
    public double SampleBandwidth() => BandwidthProbe.Sample(pool);

    /// <inheritdoc/>
    public void Dispose() => pool.Dispose();
}
