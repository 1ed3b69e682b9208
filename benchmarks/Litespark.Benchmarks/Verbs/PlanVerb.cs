using System.CommandLine;
using Litespark.Benchmarking;
using Litespark.Benchmarks.Measuring;
using Litespark.Devices.Cpu;
using Litespark.Energy;
using Litespark.Planning;

namespace Litespark.Benchmarks.Verbs;

/// <summary><c>plan</c>: one plan alone in a process of its own, so that the memory is its alone; one JSON line. <c>peer</c> calls it.</summary>
internal sealed class PlanVerb : Command
{
    readonly Option<string> size = new("--size") { HelpName = "15m|110m", Description = "Preset", DefaultValueFactory = _ => "15m" };
    readonly Option<int> batch = new("--batch") { Description = "Sequences of a step", DefaultValueFactory = _ => 8 };
    readonly Option<int> sequence = new("--sequence") { Description = "Tokens of a sequence", DefaultValueFactory = _ => 256 };
    readonly Option<string> plan = new("--plan") { HelpName = "baseline|litespark", Description = "Which plan", DefaultValueFactory = _ => "litespark" };
    readonly Option<int> steps = new("--steps") { Description = "Steps that are timed", DefaultValueFactory = _ => 6 };
    readonly Option<string> threads = Parameters.Threads();

    public PlanVerb() : base("plan", "One plan alone in this process: tokens/s, utilisation and peak memory as one JSON line")
    {
        Add(size);
        Add(batch);
        Add(sequence);
        Add(plan);
        Add(steps);
        Add(threads);
        SetAction(options =>
        {
            var shape = ModelShape.Of(options.GetValue(size)!, Parameters.AtLeastOne("--batch", options.GetValue(batch)), Parameters.AtLeastOne("--sequence", options.GetValue(sequence)));
            PlanFact fact = Measure(shape, options.GetValue(plan)!, Parameters.AtLeastOne("--steps", options.GetValue(steps)), Parameters.ParseThreads(options.GetValue(threads)!)[0]);
            options.InvocationConfiguration.Output.WriteLine(fact.ToJson().ToJsonString());
            return 0;
        });
    }

    static PlanFact Measure(ModelShape shape, string planName, int steps, int threads)
    {
        const int WarmUpSteps = 2; // as the peer
        using var device = new CpuDevice(threads);
        BenchmarkWorkload workload = Workloads.Of(shape, device);
        PlanOptions options = Workloads.Plan(workload, planName);
        Workloads.CheckMemory([(workload, options)], "A smaller --batch or --sequence needs less.");
        using BenchmarkSubject subject = workload.Load(options);
        subject.WarmUp(WarmUpSteps, TimeSpan.Zero);
        using IEnergyMeter energy = EnergyMeters.Open(new EnergyMeterOptions());
        var peaks = new DevicePeaks(device);
        for (int i = 0; i < steps; i++)
        {
            peaks.Sample();
            subject.Turn(energy);
        }

        peaks.Sample();
        PlanFigures figures = subject.Figures(peaks, 0);
        return new PlanFact(planName, figures.TokensPerSecond, figures.StepMs, figures.Mfu!.Value, figures.Hfu!.Value, peaks.Flops!.Value, ProcessMemory.PeakResidentBytes, figures.PeakMemoryBytes, figures.AllocatedBytesPerStep, subject.FirstLoss);
    }
}
