using Litespark.Planning;
using Litespark.Tests.Energy.Nvml;

namespace Litespark.Tests.Training;

/// <summary>
/// A device that computes on the processor and loads a simulated GPU meanwhile: while a plan runs the GPU is busy, between plans
/// it is at rest. Simulated time is the plans' alone; a plan also takes some real time, in which clocks can be asked for and read.
/// </summary>
/// <param name="cpu">Computes; taken over.</param>
/// <param name="nvml">The GPU.</param>
internal sealed class SimulatedGpuDevice(IDevice cpu, StandInNvml nvml) : IDevice
{
    /// <summary>Simulated seconds of a plan.</summary>
    public const double PlanSeconds = 0.05;

    /// <summary>Pieces of a plan's time.</summary>
    const int Pieces = 15;

    public string Name => "cuda";

    public string HardwareName => "Simulated H200";

    public IReadOnlyList<(string Name, string Value)> Facts => [];

    public int Threads => cpu.Threads;

    public IReadOnlyList<string> Gpus => ["0000:01:00.0"];

    public DeviceProfile Profile => cpu.Profile;

    /// <summary>The core's clock at the end of each plan.</summary>
    public List<int> CoreClocks { get; } = [];

    /// <summary>Plans after which one fails.</summary>
    public int FailsAfter { get; init; } = int.MaxValue;

    public ILoadedProgram Load(StepProgram program) => new LoadedProgram(this, cpu.Load(program));

    public double SamplePeakFlops() => 1e9;

    public double SampleBandwidth() => 1e9;

    public void Dispose() => cpu.Dispose();

    void Work(Action compute)
    {
        if (CoreClocks.Count >= FailsAfter) throw new InvalidOperationException("the device was lost");
        nvml.Load(0, 0.5, 0.3);
        compute();
        for (int i = 0; i < Pieces; i++)
        {
            Thread.Sleep(1);
            nvml.Advance(PlanSeconds / Pieces);
        }

        CoreClocks.Add(nvml.CoreMegahertz(0));
        nvml.Load(0, 0, 0);
    }

    sealed class LoadedProgram(SimulatedGpuDevice device, ILoadedProgram inner) : ILoadedProgram
    {
        public StepProgram Program => inner.Program;

        public void Run(StepPlan plan) => device.Work(() => inner.Run(plan));

        public void Run(StepPlan plan, Span<double> seconds) => inner.Run(plan, seconds);

        public void Repeat(StepPlan plan, int call, int times) => inner.Repeat(plan, call, times);

        public void Finish() => inner.Finish();

        public void Read<T>(PersistentTensor tensor, long firstElement, Span<T> destination) where T : unmanaged => inner.Read(tensor, firstElement, destination);

        public void Write<T>(PersistentTensor tensor, long firstElement, ReadOnlySpan<T> source) where T : unmanaged => inner.Write(tensor, firstElement, source);

        public void Dispose() => inner.Dispose();
    }
}
