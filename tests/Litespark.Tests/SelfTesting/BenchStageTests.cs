using System.Text.Json.Nodes;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.SelfTesting;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.SelfTesting;

/// <summary>The stage that times both plans.</summary>
public sealed class BenchStageTests : IDisposable
{
    static readonly SelfTestModel Model = new("llama-1m", 16, 2);

    readonly TemporaryFolder folder = new();
    readonly CpuDevice cpu = new(2);

    public void Dispose()
    {
        cpu.Dispose();
        folder.Dispose();
    }

    JsonObject[] Lines => [.. File.ReadLines(folder.File("bench.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject())];

    SelfTestContext NewContext(IDevice device, out ResultFile file)
    {
        var context = new SelfTestContext(device, cpu, new SelfTestSettings { Folder = folder.Path, Models = [Model] }, _ => { }, CancellationToken.None);
        context.Begin(file = new ResultFile(folder.File("bench.jsonl")));
        return context;
    }

    [Fact]
    public void Plans_are_timed_alone_and_in_turns_and_agree()
    {
        StageOutcome outcome = new SelfTest(cpu, cpu, new SelfTestSettings { Folder = folder.Path, Models = [Model] }, _ => { }).Run("bench").Single();
        Assert.Equal((3, 0, null), (outcome.Passed, outcome.Failed, outcome.LeftOut));
        JsonObject litespark = Lines[0], baseline = Lines[1], turns = Lines[2];
        Assert.Equal(("litespark", 2, "baseline", 2), ((string)litespark["plan"]!, (int)litespark["micro_batch"]!, (string)baseline["plan"]!, (int)baseline["micro_batch"]!)); // a processor's memory is not filled
        Assert.Equal((double)litespark["first_loss"]!, (double)baseline["first_loss"]!, 1e-3);
        Assert.True((double)litespark["tokens_per_second"]! > 0 && litespark["kernels"]!.AsArray().Count > 10);
        Assert.True((double)turns["speedup"]! > 0);
        Assert.Empty(turns["passes"]!.AsArray());
    }

    /// <summary>A processor's programs lie in the machine's memory.</summary>
    [Fact]
    public void What_the_machine_cannot_hold_is_halved_before_it_is_loaded()
    {
        SelfTestModel large = Model with { SequenceLength = 512, MicroBatch = 1 << 16 }; // logits of half a terabyte
        SelfTestContext context = NewContext(cpu, out ResultFile file);
        using (file) Assert.InRange(MicroBatches.Fitting(context, large, workload => [workload.Build(workload.BaselinePlan)])!.MicroBatch, 1, large.MicroBatch / 2);
    }

    [Fact]
    public void Steps_and_profiles_stop_when_the_time_is_over()
    {
        SelfTestContext context = NewContext(cpu, out ResultFile file);
        using ResultFile results = file;
        Litespark.Benchmarking.BenchmarkWorkload workload = MicroBatches.Workload(context, Model);
        using Litespark.Benchmarking.BenchmarkSubject subject = workload.Load(workload.LitesparkPlan, 1, TimeSpan.Zero, CancellationToken.None);
        using Litespark.Energy.IEnergyMeter meter = Litespark.Energy.EnergyMeters.Open(Litespark.Training.RecipeSettings.Energy(workload.Recipe.Energy, cpu));
        var over = new CancellationToken(canceled: true);
        foreach (Action run in (Action[])[() => subject.WarmUp(3, TimeSpan.Zero, over), () => subject.Turn(meter, over), () => subject.RunSteps(over), () => Litespark.Benchmarking.KernelProfile.Measure(subject.Program, 3, null, over), () => workload.Load(workload.BaselinePlan, 1, TimeSpan.Zero, over)])
            Assert.Throws<OperationCanceledException>(run);
    }

    /// <summary>A GPU that holds the plan at four sequences, not at eight.</summary>
    [EmulatedFact]
    public void Micro_batches_grow_until_memory_is_full()
    {
        long four = Bytes(4), eight = Bytes(8);
        Assert.True(four < eight);
        using var gpu = Gpu((1L << 30) + (four + eight) / 2);
        SelfTestContext context = NewContext(gpu, out ResultFile file);
        using (file) MicroBatches.Sweep(context, Model, "litespark", workload => workload.LitesparkPlan, []);
        Assert.Equal([2, 4, 8], Lines.Select(line => (int)line["micro_batch"]!));
        Assert.Equal([null, null, "does not fit"], Lines.Select(line => (string?)line["left_out"]));
        Assert.All(Lines[..2], line => Assert.True((double)line["step_ms"]! > 0));
    }

    [EmulatedFact]
    public void What_does_not_fit_is_halved_or_left_out()
    {
        using (var gpu = Gpu((1L << 30) + (Bytes(1) + Bytes(2)) / 2))
        {
            SelfTestContext context = NewContext(gpu, out ResultFile file);
            using (file) Assert.Equal(Model with { MicroBatch = 1 }, MicroBatches.Fitting(context, Model, workload => [workload.Build(workload.LitesparkPlan)]));
        }

        using (var gpu = Gpu(1L << 30))
        {
            SelfTestContext context = NewContext(gpu, out ResultFile file);
            using (file) MicroBatches.Sweep(context, Model, "litespark", workload => workload.LitesparkPlan, []);
            Assert.Equal("one sequence does not fit", (string)Assert.Single(Lines)["left_out"]!);
        }
    }

    static CudaDevice Gpu(long memoryBytes) => new(new EmulatedDriver(1, 2, memoryBytes), new EmulatedCompiler(), DataType.BFloat16);

    long Bytes(int microBatch)
    {
        using CudaDevice gpu = Gpu(141L << 30);
        SelfTestContext context = NewContext(gpu, out ResultFile file);
        using (file)
        {
            Litespark.Benchmarking.BenchmarkWorkload workload = MicroBatches.Workload(context, Model with { MicroBatch = microBatch });
            return workload.Build(workload.LitesparkPlan).TotalBytes;
        }
    }
}
