using System.Text.Json;
using Litespark.Cli.Recipes;
using Litespark.Devices.Cpu;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Training;

namespace Litespark.Tests.Cli;

public class PlanVerbTests
{
    static readonly string[] Tiny = ["--set", "training.sequence_length=32", "--set", "training.micro_batch_size=2", "--set", "training.global_batch_tokens=192", "--device", "cpu"];

    static LoadedRecipe Recipe(params string[] changes) => ShippedRecipes.Load("default", changes.Select(RecipeOverride.Parse));

    [Fact]
    public void The_json_holds_the_contracts_keys_and_its_parts_sum_to_the_total()
    {
        JsonElement plan = CliRun.Of(["plan", .. Tiny, "--json"]).Json().Has("parameters", "memory", "flops_per_token", "step_ms", "energy");
        JsonElement memory = plan.GetProperty("memory").Has("weights", "gradients", "optimizer", "activations", "workspace", "total");
        JsonElement flops = plan.GetProperty("flops_per_token").Has("model", "executed");
        long parameters = plan.GetProperty("parameters").GetInt64();
        Assert.Equal(1_090_432, parameters);
        string[] parts = ["weights", "gradients", "optimizer", "activations", "workspace"];
        Assert.All(parts, part => Assert.True(memory.GetProperty(part).GetInt64() > 0, part));
        Assert.Equal(memory.GetProperty("total").GetInt64(), parts.Sum(part => memory.GetProperty(part).GetInt64()));
        Assert.Equal(4 * parameters, memory.Number("weights"), 64.0 * 30);
        Assert.True(flops.Number("executed") > 0.5 * flops.Number("model"));
        Assert.True(plan.Number("step_ms") > 0);
    }

    [Theory]
    [InlineData("litespark", "none")]
    [InlineData("litespark", "full")]
    [InlineData("baseline", "none")]
    public void The_total_is_what_the_device_allocates(string planName, string recompute)
    {
        LoadedRecipe recipe = Recipe("training.sequence_length=32", "training.micro_batch_size=2", "training.global_batch_tokens=null", $"engine.plan={planName}", $"engine.recompute={recompute}");
        RecipePlan plan = RecipePlan.Of(recipe, DeviceProfile.Cpu);
        using var device = new CpuDevice(1);
        using var loaded = (CpuProgram)device.Load(plan.Program);
        MemoryForecast memory = plan.Report(new Roofline(1e9, 1e9)).Memory;
        Assert.Equal(loaded.ArenaBytes, memory.Total);
        Assert.Equal(memory.Total, memory.Weights + memory.Gradients + memory.Optimizer + memory.Activations + memory.Workspace);
        Assert.True(memory.Workspace > 0);
        ParameterStore weights = ParameterStore.Weights(loaded), moments = ParameterStore.OptimizerState(loaded);
        Assert.InRange(memory.Weights, 4 * weights.Tensors.Sum(tensor => tensor.Length), 4 * weights.Tensors.Sum(tensor => tensor.Length) + 64 * weights.Tensors.Count);
        Assert.InRange(memory.Optimizer, 4 * moments.Tensors.Sum(tensor => tensor.Length), 4 * moments.Tensors.Sum(tensor => tensor.Length) + 64 * moments.Tensors.Count);
    }

    [Fact]
    public void A_model_of_thirty_billion_parameters_is_planned_without_its_memory()
    {
        LoadedRecipe recipe = Recipe("model.preset=litespark-30b", "model.vocab_size=32000", "training.sequence_length=4096", "training.micro_batch_size=4", "training.global_batch_tokens=null");
        long before = GC.GetAllocatedBytesForCurrentThread();
        RecipePlan plan = RecipePlan.Of(recipe, DeviceProfile.Cpu);
        PlanReport report = plan.Report(new Roofline(1e15, 4e12));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000_000);
        Assert.Equal(32_528_943_616, report.Parameters);
        Assert.True(report.Memory.Total > 16 * report.Parameters);
        Assert.Equal(213.52e9, report.ModelFlopsPerToken, 0.01e9);
        string shortage = plan.Shortage(report.Memory, 64L << 30)!;
        Assert.Contains("only a smaller model or a larger machine helps", shortage);
        Assert.Contains("engine.recompute: full", plan.Shortage(report.Memory, report.Memory.Total - 1));
        Assert.Null(plan.Shortage(report.Memory, report.Memory.Total));
    }

    [Fact]
    public void Time_is_at_the_roofline_call_by_call()
    {
        RecipePlan plan = RecipePlan.Of(Recipe("training.sequence_length=32", "training.micro_batch_size=2", "training.global_batch_tokens=192"), DeviceProfile.Cpu);
        PlanReport bound = plan.Report(new Roofline(1e9, double.PositiveInfinity)), moved = plan.Report(new Roofline(double.PositiveInfinity, 1e9));
        Assert.Equal(192, bound.TokensPerStep);
        Assert.Equal(bound.ExecutedFlopsPerToken * 192 / 1e9, bound.StepSeconds, 1e-9);
        Assert.Equal(moved.Operations.Sum(operation => operation.Cost.Bytes) / 1e9, moved.StepSeconds, 1e-9);
        PlanReport both = plan.Report(new Roofline(1e9, 1e9));
        Assert.InRange(both.StepSeconds, Math.Max(bound.StepSeconds, moved.StepSeconds), bound.StepSeconds + moved.StepSeconds);
        Assert.Equal(1, both.Operations.Sum(operation => operation.Share), 1e-9);
        Assert.Equal(both.TokensPerStep / both.StepSeconds, both.TokensPerSecond, 1e-6);
    }

    [Fact]
    public void The_text_names_the_assumption_and_every_op()
    {
        CliRun plan = CliRun.Of(["plan", .. Tiny]);
        Assert.Equal(0, plan.Code);
        foreach (string word in (string[])["GFLOP/s", "GB/s", "matmul", "adamw", "workspace", "tokens/s", "3 x 2 sequences of 32"]) Assert.Contains(word, plan.Out);
    }

    [Fact]
    public void The_vocabulary_is_that_of_the_tokenizer_to_be_trained() =>
        Assert.Contains("vocabulary 300", CliRun.Of(["plan", .. Tiny, "--set", "tokenizer.vocab_size=300"]).Out);

    [Fact]
    public void The_vocabulary_is_that_of_the_tokenizer_that_an_earlier_run_trained_on_the_text()
    {
        using var tiny = new Training.TinyRun();
        LoadedRecipe recipe = tiny.Load("tokenizer.vocab_size=3000", "evaluation.every_steps=0");
        RecipePlan before = RecipePlan.Of(recipe, DeviceProfile.Cpu);
        Assert.Equal((3000, true), (before.Spec.VocabSize, before.IsVocabularyForecast));
        Assert.Contains("vocabulary 3,000 (a forecast", CliRun.Of("plan", tiny.RecipePath, "--set", "tokenizer.vocab_size=3000").Out);

        using TrainingSetup setup = TrainingSetup.Open(recipe, DeviceProfile.Cpu, 1, _ => { });
        Assert.InRange(setup.Spec.VocabSize, 257, 2999);
        RecipePlan after = RecipePlan.Of(recipe, DeviceProfile.Cpu);
        Assert.Equal((setup.Spec.VocabSize, false), (after.Spec.VocabSize, after.IsVocabularyForecast));
        Assert.Equal(setup.Program.TotalBytes, after.Program.TotalBytes);
        Assert.DoesNotContain("a forecast:", CliRun.Of("plan", tiny.RecipePath, "--set", "tokenizer.vocab_size=3000").Out);
    }

    [Theory]
    [InlineData("litespark-3b", "vocabulary 32,000 (a forecast", "engine.device: cuda: not to be had here")]
    [InlineData("llama-3.2-1b", "vocabulary 128,256\n", "llama-3.2/tokenizer.json is not here; the vocabulary is taken to be the model's 128,256 (llama-3.2-1b)")]
    public void Recipes_for_other_machines_are_planned_and_what_is_assumed_is_told(string name, string vocabulary, string warning)
    {
        CliRun plan = CliRun.Of("plan", name, "--set", "engine.threads=1");
        Assert.True(plan.Code == 0, plan.Error);
        Assert.Contains(vocabulary, plan.Out);
        foreach (string text in (string[])[plan.Out, plan.Error])
        {
            Assert.Contains("warning: engine.device: cuda", text);
            Assert.Contains("times are this CPU's", text);
            Assert.Contains(warning, text);
        }
    }

    [Fact]
    public void A_GPUs_power_is_not_taken_for_that_of_the_processor_in_its_place()
    {
        CliRun plan = CliRun.Of(["plan", .. Tiny[..^2], "--device", "cuda", "--set", "energy.tdp_watts=700"]);
        Assert.DoesNotContain("700 W", plan.Out);
        Assert.Contains("this CPU's, not a GPU's", plan.Out);
    }

    [Fact]
    public void A_stand_in_leaves_the_json_as_it_is()
    {
        CliRun plan = CliRun.Of(["plan", .. Tiny[..^2], "--device", "cuda", "--json"]);
        plan.Json().Has("parameters", "memory", "flops_per_token", "step_ms", "energy");
        Assert.Contains("warning: engine.device: cuda: not to be had here", plan.Error);
    }

    [Theory]
    [InlineData("plan nothing", "no shipped recipe")]
    [InlineData("plan --set model.preset=null --set model.hidden_size=32 --set model.intermediate_size=32 --set model.num_hidden_layers=1 --set model.num_attention_heads=1 --set tokenizer.path=nowhere", "nowhere: no such file")]
    [InlineData("plan --set model.hidden_size=130", "model.num_attention_heads")]
    public void Wrong_input_is_a_user_error(string line, string expected) => CliRun.Of(line.Split(' ')).AssertUserError(expected);
}
