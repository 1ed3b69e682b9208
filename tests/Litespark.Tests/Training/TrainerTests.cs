using System.Text.Json;
using System.Text.Json.Nodes;
using Litespark.Checkpoints;
using Litespark.Reporting;
using Litespark.Tokenization;
using Litespark.Training;

namespace Litespark.Tests.Training;

public sealed class TrainerTests : IDisposable
{
    readonly TinyRun tiny = new();
    readonly Warnings warnings = new();

    public void Dispose() => tiny.Dispose();

    [Fact]
    public void Every_step_has_a_row_with_every_key_in_order()
    {
        TrainingSummary summary = tiny.Train("run");
        List<JsonElement> rows = TinyRun.Rows(summary.Run), steps = rows.FindAll(row => !TinyRun.IsEval(row));
        Assert.Equal(Enumerable.Range(1, 12), steps.Select(row => row.GetProperty("step").GetInt32()));
        string[] keys = ["step", "tokens", "loss", "grad_norm", "learning_rate", "step_ms", "tokens_per_second", "mfu", "hfu", "peak_memory_bytes", "joules", "joules_per_token", "energy_source", "density", "elapsed_seconds", "flops", "mask_churn", "attention_share"];
        Assert.All(steps, row => Assert.Equal(keys, row.EnumerateObject().Select(member => member.Name)));
        Assert.All(rows.Except(steps), row => Assert.Equal(["event", "step", "eval_loss", "bits_per_byte"], row.EnumerateObject().Select(member => member.Name)));
        Assert.Equal(12 * 128, steps[^1].GetProperty("tokens").GetInt64());
        Assert.Equal(0.0025, steps[0].GetProperty("learning_rate").GetDouble(), 1e-12);
        Assert.True(File.Exists(Path.Combine(summary.Run, "recipe.yaml")));
    }

    [Theory]
    [InlineData("adamw")]
    [InlineData("muon")]
    public void Training_lowers_the_loss(string optimizer)
    {
        string run = tiny.Train("run", [$"optimizer.name={optimizer}", "training.max_steps=40"]).Run;
        double[] losses = [.. TinyRun.Rows(run).Where(TinyRun.IsEval).Select(row => row.GetProperty("eval_loss").GetDouble())];
        Assert.InRange(losses[0], 5.4, 6); // ln 300 = 5.7: nothing is known yet.
        Assert.True(losses[^1] < 3.5, $"from {losses[0]} to {losses[^1]}");
    }

    [Fact]
    public void It_evaluates_before_the_first_step_on_schedule_and_after_the_last()
        => Assert.Equal([0, 5, 10, 12], Evaluations(tiny.Train("run").Run));

    [Theory]
    [InlineData(5)]
    [InlineData(7)]
    [InlineData(12)]
    public void No_evaluation_comes_twice_after_a_resume(int stop)
    {
        tiny.Train("run", stopAfter: stop);
        TrainingSummary summary = tiny.Train("run", resume: true);
        Assert.Equal([0, 5, 10, 12], Evaluations(summary.Run));
        Assert.Equal(TinyRun.Reproducible(tiny.Train("undisturbed").Run), TinyRun.Reproducible(summary.Run));
    }

    [Fact]
    public void A_finished_run_resumed_with_more_steps_goes_on()
    {
        tiny.Train("run");
        Assert.Equal(20, tiny.Train("run", ["training.max_steps=20"], resume: true).Steps);
        Assert.Equal([0, 5, 10, 12, 15, 20], Evaluations(tiny.At("run")));
    }

    [Fact]
    public void Its_folder_says_what_computed_it_from_which_step_on()
    {
        tiny.Train("run", stopAfter: 8);
        tiny.Train("run", resume: true);
        JsonElement[] lines = [.. File.ReadAllLines(tiny.At("run", MachineLog.FileName)).Select(line => JsonDocument.Parse(line).RootElement)];
        Assert.Equal([0, 8], lines.Select(line => line.GetProperty("after_step").GetInt64()));
        Assert.All(lines, line => Assert.Equal(("cpu", "1"), (line.GetProperty("device").GetString(), line.GetProperty("facts").GetProperty("threads").GetString())));
        Assert.All(lines, line => Assert.NotEmpty(line.GetProperty("hardware").GetString()!));
    }

    [Fact]
    public void Without_evaluation_there_are_no_rows_of_it()
        => Assert.Empty(Evaluations(tiny.Train("run", ["evaluation.every_steps=0"]).Run));

    [Theory]
    [InlineData(1, "step-00000012")]
    [InlineData(2, "step-00000008 step-00000012")]
    [InlineData(0, "step-00000004 step-00000008 step-00000012")]
    public void The_newest_checkpoints_are_kept(int keep, string expected)
        => Assert.Equal(expected, string.Join(' ', TinyRun.Checkpoints(tiny.Train("run", [$"checkpoints.keep_last={keep}"]).Run).Select(Path.GetFileName)));

    [Fact]
    public void A_limit_of_tokens_ends_the_run_with_an_evaluation_and_a_checkpoint()
    {
        TrainingSummary summary = tiny.Train("run", ["training.max_tokens=900"]);
        Assert.Equal((TrainingOutcome.Completed, 8, 1024), (summary.Outcome, summary.Steps, summary.Tokens));
        Assert.Equal([0, 5, 8], Evaluations(summary.Run));
        Assert.EndsWith("step-00000008", summary.Checkpoint);
    }

    [Fact]
    public void A_loss_that_is_not_a_number_ends_the_run_and_names_the_last_good_checkpoint()
    {
        tiny.Train("run", stopAfter: 4);
        RunFailureException failure = Assert.Throws<RunFailureException>(() => tiny.Train("run", ["optimizer.learning_rate=1e30", "optimizer.grad_clip=0"], resume: true));
        Assert.StartsWith("Stopped at step 6: ", failure.Message);
        Assert.Contains("not a finite number", failure.Message);
        Assert.Contains($"the last good checkpoint is {Path.Combine(tiny.At("run"), "checkpoints", "step-00000004")}", failure.Message);
        Assert.Contains("training.on_nan: skip", failure.Message);
    }

    [Fact]
    public void A_checkpoint_of_weights_that_gave_no_number_is_not_called_good()
    {
        string checkpoints = Path.Combine(tiny.At("run"), "checkpoints");
        RunFailureException failure = Assert.Throws<RunFailureException>(() =>
            tiny.Train("run", ["optimizer.learning_rate=1e30", "schedule.warmup_steps=0", "checkpoints.every_steps=1", "evaluation.every_steps=0"]));
        Assert.Contains($"{Path.Combine(checkpoints, "step-00000001")} holds the weights that gave it, there is none before it", failure.Message);
    }

    [Fact]
    public void A_loss_that_is_not_a_number_can_be_skipped()
    {
        TrainingSummary summary = tiny.Train("run", ["optimizer.learning_rate=1e30", "training.on_nan=skip"], observer: warnings);
        Assert.Equal((TrainingOutcome.Completed, 12), (summary.Outcome, summary.Steps));
        Assert.Contains(warnings.Messages, message => message.Contains("the update is skipped", StringComparison.Ordinal));
        JsonElement last = TinyRun.Rows(summary.Run).Last(row => !TinyRun.IsEval(row));
        Assert.Contains(JsonValueKind.Null, new[] { last.GetProperty("loss").ValueKind, last.GetProperty("grad_norm").ValueKind });
    }

    [Fact]
    public void A_loss_spike_ends_the_run_or_is_skipped()
    {
        // Hardly any learning, and a limit so tight that noise is a spike.
        string[] changes = ["optimizer.learning_rate=1e-9", "training.max_steps=60", "training.loss_spike_factor=1.001"];
        Assert.Contains("the loss jumped to", Assert.Throws<RunFailureException>(() => tiny.Train("stop", changes)).Message);
        TrainingSummary summary = tiny.Train("skip", [.. changes, "training.on_nan=skip"], observer: warnings);
        Assert.Equal(60, summary.Steps);
        using JsonDocument state = JsonDocument.Parse(File.ReadAllText(Path.Combine(summary.Checkpoint!, "training_state.json")));
        int skipped = warnings.Messages.Count(message => message.Contains("the update is skipped", StringComparison.Ordinal));
        Assert.NotEqual(0, skipped);
        Assert.Equal(60 - skipped, state.RootElement.GetProperty("updates").GetInt32());
    }

    [Fact]
    public void Fine_tuning_starts_from_the_weights_of_a_folder()
    {
        TrainingSummary first = tiny.Train("first");
        TrainingSummary second = tiny.Train("second", [$"model.path={first.Run}", "training.max_steps=2"]);
        JsonElement start = TinyRun.Rows(second.Run)[0];
        Assert.Equal(first.EvalLoss, start.GetProperty("eval_loss").GetDouble());
        Assert.Equal(2, second.Steps);
    }

    [Theory]
    [InlineData("[5, EOT, 7]", null, "[5,EOT,7]")]
    [InlineData("[5, 7]", null, "[EOT,5,7]")] // The tokenizer says itself how documents end.
    [InlineData("[5, 7]", "other words entirely", "EOT")] // Of another tokenizer, 5 and 7 are other tokens.
    public void Fine_tuning_keeps_the_ends_of_text_of_a_folder(string ends, string? otherTokenizer, string expected)
    {
        string model = tiny.At("model");
        ModelExport.Export(tiny.Train("first", ["training.max_steps=1"]).Run, model, WeightDtype.Float32);
        Tokenizer tokenizer = Tokenizer.Load(model);
        string Named(string list) => list.Replace("EOT", $"{tokenizer.EndOfTextId}", StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(model, "generation_config.json"), $"{{\"eos_token_id\": {Named(ends)}}}");
        List<string> changes = [$"model.path={model}", "training.max_steps=1"];
        if (otherTokenizer is not null)
        {
            // As many tokens, other merges: padded with special tokens, of which the last ends a text.
            string[] specials = [.. Enumerable.Range(0, tokenizer.VocabSize - 257).Select(i => $"<{otherTokenizer}{i}>"), "<|endoftext|>"];
            BpeTrainer.Train([], new BpeTrainerOptions { VocabSize = tokenizer.VocabSize, SpecialTokens = specials, EndOfText = "<|endoftext|>" }).Save(tiny.At("other"));
            changes.Add($"tokenizer.path={tiny.At("other")}");
        }

        TrainingSummary summary = tiny.Train("second", [.. changes]);
        foreach (string name in (string[])["generation_config.json", "config.json"])
        {
            JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(summary.Checkpoint!, name)))!;
            Assert.Equal(Named(expected), config["eos_token_id"]!.ToJsonString());
        }
    }

    [Theory]
    [InlineData("adamw", "engine.plan=litespark", 0)]
    [InlineData("muon", "engine.plan=litespark", 0)]
    [InlineData("adamw", "engine.threads=2", 0)]
    [InlineData("adamw", "engine.recompute=full", 1e-5)]
    [InlineData("adamw", "engine.recompute=selective", 1e-5)]
    [InlineData("adamw", "engine.plan=baseline", 1e-5)]
    [InlineData("muon", "engine.plan=baseline", 1e-5)]
    [InlineData("adamw", "training.micro_batch_size=4", 1e-5)]
    public void A_run_resumes_under_another_plan(string optimizer, string change, double tolerance)
    {
        string[] rule = [$"optimizer.name={optimizer}"];
        string undisturbed = tiny.Train("undisturbed", rule).Run;
        Assert.Equal(TrainingOutcome.Interrupted, tiny.Train("run", rule, stopAfter: 6).Outcome);
        string run = tiny.Train("run", [.. rule, change], resume: true).Run;
        if (tolerance == 0) Assert.Equal(TinyRun.Reproducible(undisturbed), TinyRun.Reproducible(run));
        double[] expected = Losses(undisturbed), actual = Losses(run);
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], tolerance * expected[i]);
    }

    [Fact]
    public void A_baseline_run_resumes_under_the_litespark_plan()
    {
        string undisturbed = tiny.Train("undisturbed", ["engine.plan=baseline"]).Run;
        tiny.Train("run", ["engine.plan=baseline"], stopAfter: 6);
        double[] expected = Losses(undisturbed), actual = Losses(tiny.Train("run", resume: true).Run);
        for (int i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5 * expected[i]);
    }

    static double[] Losses(string run) => [.. TinyRun.Rows(run).Select(row => row.GetProperty(TinyRun.IsEval(row) ? "eval_loss" : "loss").GetDouble())];

    static IEnumerable<int> Evaluations(string run) => TinyRun.Rows(run).Where(TinyRun.IsEval).Select(row => row.GetProperty("step").GetInt32());

    sealed class Warnings : ITrainingObserver
    {
        public List<string> Messages { get; } = [];

        public void OnWarning(string message) => Messages.Add(message);
    }
}
