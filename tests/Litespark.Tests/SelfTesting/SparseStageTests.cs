using System.Text.Json.Nodes;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Libraries.Cudnn;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.SelfTesting;
using Litespark.Tests.Devices.Cuda.Emulation;
using Litespark.Tests.Devices.Cuda.Libraries;

namespace Litespark.Tests.SelfTesting;

/// <summary>The stage that times products with block-sparse weights.</summary>
public sealed class SparseStageTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void On_the_cpu_every_product_of_a_layer_is_timed()
    {
        using var cpu = new CpuDevice(2);
        JsonObject[] lines = Run(cpu);
        Assert.All(lines[..^1], line => Assert.Equal(("own kernels", true), ((string)line["dense"]!["by"]!, (bool)line["passed"]!)));
    }

    /// <summary>A library multiplies densely, our kernels do both.</summary>
    [EmulatedStandInFact]
    public void On_an_emulated_gpu_there_are_three()
    {
        using var gpu = new EmulatedCublasLt();
        JsonObject[] lines = Run(gpu.Device);
        Assert.All(lines[..^1], line => Assert.Equal(("cuBLASLt", "own kernels", "own kernels", true), (((string)line["dense"]!["by"]!).Split(' ')[0], (string)line["own_dense"]!["by"]!, (string)line["sparse"]!["by"]!, (bool)line["passed"]!)));
    }

    /// <summary>On an emulated Hopper the kernels over live blocks are timed one by one, and each is compared.</summary>
    [EmulatedFact]
    public void Kernels_are_timed_beside_each_other()
    {
        using var gpu = new EmulatedCublasLt();
        Check(SparseProductKind.InputGradient, "mma", "wgmma 256x128", "wgmma 128x128");
        Check(SparseProductKind.WeightGradient, "mma", "wgmma 128x256");
        Assert.Empty(new SparseProductTrial(gpu.Device, SparseProductKind.Forward, [96], 256, tokens: 8).Run().Kernels);

        void Check(SparseProductKind kind, params string[] kernels)
        {
            SparseFinding finding = new SparseProductTrial(gpu.Device, kind, [256], 256, tokens: 8).Run();
            Assert.Equal(kernels, finding.Kernels.Select(kernel => kernel.Name));
            Assert.True(finding.Passed);
            Assert.All(finding.Kernels, kernel => Assert.True(kernel is { Seconds: > 0, Error: < 1e-2 }));
        }
    }

    [Fact]
    public void On_the_cpu_every_pattern_is_timed()
    {
        using var cpu = new CpuDevice(2);
        Patterns(cpu, "own kernels");
    }

    [EmulatedStandInFact]
    public void On_an_emulated_gpu_every_pattern_is_timed_beside_the_library()
    {
        var driver = new EmulatedDriver(1, multiprocessors: 2, memoryBytes: 1L << 32);
        using var cudnn = new StandInCudnn(driver, version: 91600, scratchBytes: 4096);
        using var gpu = new CudaDevice(driver, new EmulatedCompiler(), DataType.BFloat16, cudnn: new CudnnContext(cudnn.Library, driver, CudnnMode.On));
        Patterns(gpu, "cuDNN");
    }

    /// <summary>A kernel that takes tiles for wholly visible which are not counts its pairs rightly, and has other gradients.</summary>
    [EmulatedFact]
    public void What_a_pattern_hides_is_held_to_its_definition()
    {
        const string File = "attention_query_walk.cuh", Question = " && pattern.shows_all(query, query_end - 1, key, key + 16)", Case = "*by single tokens";
        string text = KernelText.Read(File);
        Assert.Contains(Question, text, StringComparison.Ordinal);
        Assert.Equal((2, 0), Run(new EmulatedCompiler()));
        Assert.Equal((0, 2), Run(new EmulatedCompiler(new Dictionary<string, string> { [File] = text.Replace(Question, "", StringComparison.Ordinal) })));

        (int Passed, int Failed) Run(EmulatedCompiler compiler)
        {
            using var reference = new CpuDevice(1);
            using var gpu = new CudaDevice(new EmulatedDriver(1, multiprocessors: 2), compiler, DataType.BFloat16);
            var settings = new SelfTestSettings { Folder = folder.Path, SparseModels = [], SparseAttentions = [new(2, 192, 2, 1, 16)], Cases = [Case] };
            StageOutcome outcome = new SelfTest(gpu, reference, settings, _ => { }).Run("sparse").Single();
            return (outcome.Passed, outcome.Failed);
        }
    }

    void Patterns(IDevice device, string dense)
    {
        using var reference = new CpuDevice(1);
        var settings = new SelfTestSettings { Folder = folder.Path, SparseModels = [], SparseAttentions = [new(1, 192, 2, 1, 16)] };
        StageOutcome outcome = new SelfTest(device, reference, settings, _ => { }).Run("sparse").Single();
        JsonObject[] lines = [.. File.ReadLines(folder.File("sparse.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject()).SkipLast(1)];
        Assert.Equal((11, 0, null, 11), (outcome.Passed, outcome.Failed, outcome.LeftOut, lines.Length));
        Assert.All(lines, line => Assert.True(((string)line["dense_by"]!).StartsWith(dense, StringComparison.Ordinal) && (double)line["forward"]!["ms"]! > 0 && (double)line["gradient"]!["own_dense_ms"]! > 0));
        Assert.Equal((1.0, true), ((double)lines[0]["share"]!, lines[1..^1].All(line => (double)line["share"]! <= 1)));
        Assert.True((double)lines[^1]["share"]! < 0.9, "a threshold leaves something out");
    }

    [Fact]
    public void Density_is_that_of_the_elements()
    {
        using var cpu = new CpuDevice(1);
        var trial = new SparseProductTrial(cpu, SparseProductKind.Forward, [64, 64], 128, tokens: 8);
        Assert.Equal((0.25, 2.0 * 8 * 128 * 128), (trial.Density, trial.Flops));
        SparseFinding finding = trial.Run();
        Assert.True(finding is { Passed: true, Error: <= 1e-5, Library: null } && finding.Times is { Sparse: > 0, Dense: > 0, Own: > 0 });
        Assert.Equal(2, new SparseTimes(2, 8, 4).Speedup);
    }

    JsonObject[] Run(IDevice device)
    {
        using var reference = new CpuDevice(1);
        var settings = new SelfTestSettings { Folder = folder.Path, SparseModels = [new("llama-1m", 8, 2)], SparseAttentions = [] };
        StageOutcome outcome = new SelfTest(device, reference, settings, _ => { }).Run("sparse").Single();
        JsonObject[] lines = [.. File.ReadLines(folder.File("sparse.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject()).SkipLast(1)];
        Assert.Equal((13, 0, null, 13), (outcome.Passed, outcome.Failed, outcome.LeftOut, lines.Length));
        Assert.Equal(12, lines[..^1].Select(line => $"{line["weight"]} {line["product"]}").Distinct().Count());
        Assert.Equal(12, (int)lines[^1]["products"]!);
        Assert.All(lines, line => Assert.True((double)line["speedup"]! > 0));
        return lines;
    }
}
