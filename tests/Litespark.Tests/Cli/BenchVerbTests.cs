using System.Text.Json;
using Litespark.Planning;

namespace Litespark.Tests.Cli;

public class BenchVerbTests
{
    static readonly string[] Tiny =
    [
        "bench", "--device", "cpu", "--set", "data.source=synthetic", "--set", "model.hidden_size=32", "--set", "model.intermediate_size=64", "--set", "model.num_hidden_layers=1",
        "--set", "model.num_attention_heads=2", "--set", "model.vocab_size=64", "--set", "training.sequence_length=16", "--set", "engine.threads=1",
    ];

    [Fact]
    public void The_json_is_the_contracts()
    {
        CliRun run = CliRun.Of([.. Tiny, "--json"]);
        JsonElement bench = run.Json().Has("machine", "model", "micro_batch", "sequence_length", "plans", "speedup", "passes", "kernels");
        JsonElement machine = bench.GetProperty("machine").Has("name", "threads", "peak_tflops");
        Assert.NotEmpty(machine.GetProperty("name").GetString()!);
        Assert.Equal(1, machine.GetProperty("threads").GetInt32());
        Assert.True(machine.Number("peak_tflops") > 0);
        Assert.Equal("llama-15m, changed", bench.GetProperty("model").GetString());
        Assert.Equal(2, bench.GetProperty("micro_batch").GetInt32());
        Assert.Equal(16, bench.GetProperty("sequence_length").GetInt32());

        JsonElement plans = bench.GetProperty("plans").Has("baseline", "litespark");
        foreach (JsonProperty plan in plans.EnumerateObject())
        {
            plan.Value.Has("tokens_per_second", "step_ms", "peak_memory_bytes", "resident_bytes", "mfu", "hfu", "joules_per_token", "energy_source", "allocated_bytes_per_step");
            Assert.Equal(32, plan.Value.Number("tokens_per_second") * plan.Value.Number("step_ms") / 1e3, 1e-6);
            Assert.True(plan.Value.Number("peak_memory_bytes") > 0 && plan.Value.Number("resident_bytes") > plan.Value.Number("peak_memory_bytes"));
            Assert.InRange(plan.Value.Number("mfu"), 1e-9, 1.5);
            Assert.InRange(plan.Value.Number("hfu"), 1e-9, 1.5);
            Assert.True(plan.Value.Number("joules_per_token") >= 0);
            Assert.Matches("^(rapl|hwmon|estimate)$", plan.Value.GetProperty("energy_source").GetString());
            Assert.Equal(JsonValueKind.Number, plan.Value.GetProperty("allocated_bytes_per_step").ValueKind);
        }

        Assert.Equal(plans.GetProperty("baseline").Number("step_ms") / plans.GetProperty("litespark").Number("step_ms"), bench.Number("speedup"), 1e-9);
        Assert.Equal(PlanOptions.PassNames, bench.GetProperty("passes").EnumerateArray().Select(pass => pass.Has("name", "speedup").GetProperty("name").GetString()!));
        Assert.All(bench.GetProperty("passes").EnumerateArray(), pass => Assert.True(pass.Number("speedup") > 0));
        JsonElement[] kernels = [.. bench.GetProperty("kernels").EnumerateArray()];
        Assert.All(kernels, kernel => kernel.Has("name", "phase", "calls", "ms", "gflop", "megabytes", "gflops_per_second", "share"));
        Assert.Equal(1, kernels.Sum(kernel => kernel.Number("share")), 1e-9);
        Assert.Equal(["backward", "forward", "optimizer"], kernels.Select(kernel => kernel.GetProperty("phase").GetString()).Distinct().Order());
        Assert.Contains("litespark runs at", run.Error);
    }

    [Fact]
    public void A_pass_that_is_switched_off_is_not_measured()
    {
        string[] passes = [.. PlanOptions.PassNames.Where(pass => pass != "fused_norm").SelectMany(pass => (string[])["--set", $"engine.passes.{pass}=false"])];
        JsonElement bench = CliRun.Of([.. Tiny, .. passes, "--json"]).Json();
        Assert.Equal("fused_norm", Assert.Single(bench.GetProperty("passes").EnumerateArray()).GetProperty("name").GetString());
    }

    [Fact]
    public void The_name_of_a_recipe_without_a_preset_keeps_its_dots()
    {
        using var tiny = new Training.TinyRun();
        string recipe = tiny.At("llama-3.2-tiny.yaml");
        File.Copy(tiny.RecipePath, recipe);
        string[] off = [.. PlanOptions.PassNames.SelectMany(pass => (string[])["--set", $"engine.passes.{pass}=false"])];
        JsonElement bench = CliRun.Of(["bench", recipe, "--set", "training.sequence_length=16", .. off, "--json"]).Json();
        Assert.Equal("llama-3.2-tiny", bench.GetProperty("model").GetString());
    }

    [Theory]
    [InlineData("bench nothing", "no shipped recipe")]
    [InlineData("bench --device cuda", "engine.device")]
    [InlineData("bench --set model.preset=gpt2-124m --set training.sequence_length=2048", "max_position_embeddings")]
    [InlineData("bench litespark-3b --device cpu --set engine.precision=float32 --set model.preset=litespark-30b --set training.micro_batch_size=32", "Both plans together need ")]
    [InlineData("bench --thorogh", "did you mean '--thorough'?")]
    public void Wrong_input_is_a_user_error(string line, string expected) => CliRun.Of(line.Split(' ')).AssertUserError(expected);
}
