using System.Text.Json.Nodes;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Graphs;
using Litespark.Models;
using Litespark.Planning;
using Litespark.SelfTesting;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Devices.Cuda.Libraries;

namespace Litespark.Tests.SelfTesting;

/// <summary>The stage that times algorithms and kernels, on emulated GPUs.</summary>
public sealed class TuneStageTests : IDisposable
{
    static readonly SelfTestModel Model = new("llama-1m", 16, 1);

    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    StageOutcome Run(IDevice device, string stage = "tune", TimeSpan? budget = null)
    {
        using var reference = new CpuDevice(1);
        return new SelfTest(device, reference, new SelfTestSettings
        {
            Folder = folder.Path, Small = true, Models = [Model], StageBudget = budget ?? TimeSpan.FromMinutes(7),
        }, _ => { }).Run(stage).Single();
    }

    JsonObject[] Lines() => [.. File.ReadLines(folder.File("tune.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject())];

    [EmulatedStandInFact]
    public void Algorithms_own_kernels_and_tiles_are_timed_once_and_kept_for_later_runs()
    {
        string cache = folder.File("algorithms.json");
        JsonObject[] products;
        using (var gpu = new EmulatedCublasLt(cache))
        {
            StageOutcome outcome = Run(gpu.Device);
            Assert.Equal((0, null), (outcome.Failed, outcome.LeftOut));
            JsonObject[] lines = Lines()[..^1];
            Assert.Equal(outcome.Passed, lines.Length);
            Assert.All(lines, line => Assert.True((double)line["chosen"]!["tflops"]! > 0 && (double)line["own"]!["tflops"]! > 0 && (int)line["timed"]! >= 1));
            products = [.. lines.Where(line => (string)line["op"]! is "matmul" or "attention_scores" or "attention_mix" or "attention_mix_transposed")];
            Assert.Equal(4, products.Select(line => (string)line["op"]!).Distinct().Count());
            Assert.All(products, line => Assert.StartsWith("cuBLASLt ", (string)line["chosen"]!["name"]!));
            Assert.All(products, line => Assert.Equal(4, (int)line["timed"]!)); // three that give the same bits each time and run, and our own
            Assert.Contains(lines, line => (string)line["op"]! == "attention");
            Assert.Contains(lines, line => (string)line["op"]! == "attention_gradient" && line["runner_up"] is not null);
            Assert.Equal(lines.Length, lines.Select(line => $"{line["op"]} {line["form"]}").Distinct().Count());
            Assert.Equal(products.Length, gpu.Device.ChosenAlgorithms!["matrix_products"]!.AsObject().Count);
            Assert.Equal(141L << 30, gpu.Driver.FreeMemory()); // nothing stays behind
        }

        // What a plan asks for later has been answered.
        using var later = new EmulatedCublasLt(cache);
        foreach (PlanOptions options in (PlanOptions[])[PlanOptions.Litespark, PlanOptions.Baseline])
            using (later.Device.Load(Program(later.Device, options))) Assert.Equal(0, later.Searches);
    }

    [EmulatedStandInFact]
    public void Engines_are_timed_beside_own_kernels_and_the_fastest_is_kept()
    {
        string cache = folder.File("engines.json");
        using var driver = new EmulatedDriver(1, 2);
        using var cudnn = new StandInCudnn(driver, version: 91600);
        cudnn.Cost(3, 1); // the second to be proposed
        using (CudaDevice gpu = Open())
        {
            Assert.Equal(0, Run(gpu).Failed);
            JsonObject[] attention = [.. Lines()[..^1].Where(line => ((string)line["op"]!).StartsWith("attention", StringComparison.Ordinal) && ((string)line["chosen"]!["name"]!).StartsWith("cuDNN", StringComparison.Ordinal))];
            Assert.Equal(["attention", "attention_gradient"], attention.Select(line => (string)line["op"]!).Order(StringComparer.Ordinal));
            Assert.All(attention, line => Assert.Equal("cuDNN 9.16.0 eng3_k5=6", (string)line["chosen"]!["name"]!));
            Assert.All(attention, line => Assert.True((int)line["timed"]! > 2 && line["own"] is not null));
            Assert.Equal(141L << 30, driver.FreeMemory());
        }

        int timed = cudnn.Runs;
        using CudaDevice later = Open();
        using ILoadedProgram program = later.Load(Program(later, PlanOptions.Litespark));
        Assert.Equal(timed, cudnn.Runs); // what a plan asks for later has been answered
        Assert.All(later.ChosenAlgorithms!["attention"]!.AsObject(), form => Assert.Equal("eng3_k5=6", (string)form.Value!["engine"]!));

        CudaDevice Open() => new(driver, new EmulatedCompiler(), DataType.BFloat16, cudnn: new CudnnContext(cudnn.Library, driver, choices: new EngineChoices(cache)));
    }

    [EmulatedFact]
    public void Without_the_library_own_kernels_are_timed()
    {
        using var gpu = new CudaDevice(new EmulatedDriver(1, 2), new EmulatedCompiler(), DataType.Float32);
        Assert.Equal(0, Run(gpu).Failed);
        Assert.All(Lines()[..^1], line => Assert.StartsWith("own ", (string)line["chosen"]!["name"]!));
    }

    [EmulatedStandInFact]
    public void Out_of_time_leaves_out_the_forms_with_the_least_work()
    {
        using var gpu = new EmulatedCublasLt();
        StageOutcome outcome = Run(gpu.Device, budget: TimeSpan.Zero);
        Assert.Contains("minutes were over", outcome.LeftOut);
        Assert.Equal(1, outcome.Passed);
    }

    [Fact]
    public void A_processor_has_nothing_to_choose()
    {
        using var cpu = new CpuDevice(1);
        Assert.Contains("one way", Run(cpu).LeftOut);
    }

    static StepProgram Program(CudaDevice device, PlanOptions options)
    {
        TransformerSpec spec = ModelPresets.Get(Model.Preset) with { VocabSize = SelfTestSettings.SmallVocabulary };
        return ProgramBuilder.Training(Transformer.Function(spec), options, new OptimizerSettings(), Model.MicroBatch, Model.SequenceLength, device: device.Profile);
    }
}
