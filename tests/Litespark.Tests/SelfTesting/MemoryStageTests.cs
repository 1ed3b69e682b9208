using System.Text.Json.Nodes;
using Litespark.Devices.Cpu;
using Litespark.Devices.Cuda;
using Litespark.Graphs;
using Litespark.Planning;
using Litespark.SelfTesting;
using Litespark.Tests.Devices.Cuda.Emulation;

namespace Litespark.Tests.SelfTesting;

/// <summary>The stage that times memory-bound calls.</summary>
public sealed class MemoryStageTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void On_the_cpu_every_memory_bound_call_of_a_step_is_timed_beside_a_copy()
    {
        using var cpu = new CpuDevice(2);
        JsonObject[] lines = Run(cpu, "*gated_activation*", "*rms_norm*", "*adamw*");
        Assert.All(lines, line => Assert.Equal("", (string)Assert.Single(line["kernels"]!.AsArray())!["form"]!));
        Assert.Contains(lines, line => (string)line["op"]! == "adamw");
    }

    [EmulatedFact]
    public void On_a_gpu_the_forms_of_a_kernel_are_timed_beside_each_other()
    {
        using var gpu = new CudaDevice(new EmulatedDriver(1, 2), new EmulatedCompiler(), DataType.BFloat16);
        JsonObject[] lines = Run(gpu, "*softmax_gradient*", "*rope*", "*embedding_gradient*");
        Assert.Contains(lines, line => Forms(line).SequenceEqual(["usual", "eight packs held", "rows read twice"]));
        Assert.Contains(lines, line => Forms(line).SequenceEqual(["usual", "two heads", "one head"]));
        Assert.Contains(lines, line => Forms(line).SequenceEqual(["usual"]));

        static IEnumerable<string> Forms(JsonObject line) => line["kernels"]!.AsArray().Select(kernel => (string)kernel!["form"]!);
    }

    JsonObject[] Run(IDevice device, params string[] cases)
    {
        using var reference = new CpuDevice(1);
        var settings = new SelfTestSettings { Folder = folder.Path, Small = true, Models = [new("llama-1m", 16, 1)], Cases = cases };
        StageOutcome outcome = new SelfTest(device, reference, settings, _ => { }).Run("memory").Single();
        JsonObject[] lines = [.. File.ReadLines(folder.File("memory.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject()).SkipLast(1)];
        Assert.Equal((lines.Length, 0, null), (outcome.Passed, outcome.Failed, outcome.LeftOut));
        Assert.All(lines, line => Assert.All(line["kernels"]!.AsArray(), kernel => Assert.True((double)kernel!["gb_per_s"]! > 0 && (double)kernel["of_copy"]! > 0)));
        Assert.Equal(lines.Length, lines.Select(line => $"{line["op"]} {line["phase"]} {line["form"]}").Distinct().Count());
        return lines;
    }
}
