using System.Text;
using System.Text.Json;
using Litespark.Reporting;

namespace Litespark.Tests.Reporting;

public sealed class MetricsWriterTests : IDisposable
{
    static readonly string[] StepKeys =
    [
        "step", "tokens", "loss", "grad_norm", "learning_rate", "step_ms", "tokens_per_second", "mfu", "hfu",
        "peak_memory_bytes", "joules", "joules_per_token", "energy_source", "density", "elapsed_seconds", "flops", "mask_churn", "attention_share",
    ];

    static readonly StepMetrics FullStep = new()
    {
        Step = 3,
        Tokens = 3072,
        Loss = 2.5,
        GradNorm = 0.75,
        LearningRate = 1e-3,
        StepMs = 12.5,
        TokensPerSecond = 81920,
        Mfu = 0.5,
        Hfu = 0.625,
        PeakMemoryBytes = 1L << 33,
        Joules = 100.25,
        JoulesPerToken = 0.03125,
        EnergySource = "rapl",
        Density = 1,
        ElapsedSeconds = 40.5,
    };

    readonly TemporaryFolder folder = new();

    string MetricsPath => folder.File("metrics.jsonl");

    public void Dispose() => folder.Dispose();

    static StepMetrics Step(long step) => new() { Step = step, Tokens = step * 100, Loss = 5 - 0.1 * step };

    static string[] Keys(string line)
    {
        using JsonDocument row = JsonDocument.Parse(line);
        return [.. row.RootElement.EnumerateObject().Select(property => property.Name)];
    }

    [Fact]
    public void A_full_step_is_written_key_by_key_in_order()
    {
        using (MetricsWriter writer = MetricsWriter.Create(folder.Path)) writer.OnStep(FullStep);
        Assert.Equal(
            """{"step":3,"tokens":3072,"loss":2.5,"grad_norm":0.75,"learning_rate":0.001,"step_ms":12.5,"tokens_per_second":81920,"mfu":0.5"""
            + ""","hfu":0.625,"peak_memory_bytes":8589934592,"joules":100.25,"joules_per_token":0.03125,"energy_source":"rapl","density":1,"elapsed_seconds":40.5,"flops":null,"mask_churn":null,"attention_share":null}""" + "\n",
            File.ReadAllText(MetricsPath));
    }

    [Fact]
    public void Unknown_and_infinite_figures_are_null_and_no_key_is_left_out()
    {
        using (MetricsWriter writer = MetricsWriter.Create(folder.Path))
        {
            writer.OnStep(Step(1) with { Loss = double.NaN, GradNorm = double.PositiveInfinity });
            writer.OnEval(new EvalMetrics { Step = 1, EvalLoss = double.NegativeInfinity });
        }

        string[] lines = File.ReadAllLines(MetricsPath);
        Assert.Equal(StepKeys, Keys(lines[0]));
        using JsonDocument row = JsonDocument.Parse(lines[0]);
        Assert.All(StepKeys[2..], key => Assert.Equal(JsonValueKind.Null, row.RootElement.GetProperty(key).ValueKind));
        Assert.Equal("""{"event":"eval","step":1,"eval_loss":null,"bits_per_byte":null}""", lines[1]);
    }

    [Fact]
    public void Every_row_is_in_the_file_before_the_call_returns_and_losses_survive_to_the_last_bit()
    {
        using MetricsWriter writer = MetricsWriter.Create(folder.Path);
        for (int step = 1; step <= 5; step++)
        {
            double loss = MathF.Sqrt(step) / 3;
            writer.OnStep(Step(step) with { Loss = loss });
            using var reader = new StreamReader(new FileStream(MetricsPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            string[] lines = reader.ReadToEnd().Split('\n');
            Assert.Equal(step + 1, lines.Length);
            Assert.Equal("", lines[^1]);
            using JsonDocument row = JsonDocument.Parse(lines[^2]);
            Assert.Equal(loss, row.RootElement.GetProperty("loss").GetDouble());
        }
    }

    [Fact]
    public void Resuming_removes_rows_beyond_the_checkpoint_and_goes_on()
    {
        using (MetricsWriter writer = MetricsWriter.Create(folder.Path))
        {
            writer.OnEval(new EvalMetrics { Step = 0, EvalLoss = 5 });
            for (int step = 1; step <= 7; step++)
            {
                writer.OnStep(Step(step));
                if (step % 2 == 0) writer.OnEval(new EvalMetrics { Step = step, EvalLoss = 4 });
            }
        }

        string[] before = File.ReadAllLines(MetricsPath);
        using (MetricsWriter writer = MetricsWriter.Resume(folder.Path, checkpointStep: 4))
        {
            Assert.Equal(4, writer.LastEvalStep);
            Assert.Equal(before[..7], File.ReadAllLines(MetricsPath));
            writer.OnStep(Step(5));
            writer.OnEval(new EvalMetrics { Step = 5, EvalLoss = 4 });
            Assert.Equal(5, writer.LastEvalStep);
        }

        string[] after = File.ReadAllLines(MetricsPath);
        Assert.Equal([.. before[..7], before[7]], after[..8]);
        Assert.Equal(9, after.Length);
        Assert.Equal([MetricsPath], Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void A_run_killed_in_the_middle_of_a_write_resumes_to_whole_rows()
    {
        using (MetricsWriter writer = MetricsWriter.Create(folder.Path))
        {
            for (int step = 1; step <= 2; step++) writer.OnStep(Step(step));
            writer.OnEval(new EvalMetrics { Step = 2, EvalLoss = 4 });
        }

        byte[] whole = File.ReadAllBytes(MetricsPath);
        string[] rows = File.ReadAllLines(MetricsPath);
        // Every place around an end of line, and some between.
        int[] ends = [.. Enumerable.Range(0, whole.Length).Where(i => whole[i] == '\n')];
        foreach (int length in Enumerable.Range(0, whole.Length + 1).Where(i => i % 50 == 0 || ends.Any(end => Math.Abs(end - i) <= 2)))
        {
            File.WriteAllBytes(MetricsPath, whole[..length]);
            using (MetricsWriter writer = MetricsWriter.Resume(folder.Path, checkpointStep: 2)) writer.OnStep(Step(3));
            string[] lines = File.ReadAllLines(MetricsPath);
            Assert.Equal(rows[..(lines.Length - 1)], lines[..^1]);
            // A row counts as whole from its closing brace on, with or without the line break.
            int complete = Encoding.UTF8.GetString(whole, 0, length).Count(c => c == '}');
            Assert.Equal(complete, lines.Length - 1);
            Assert.Equal(StepKeys, Keys(lines[^1]));
        }
    }

    [Fact]
    public void Lines_that_are_no_rows_are_dropped()
    {
        File.WriteAllText(MetricsPath, "{\"step\":1}\n\0\0\0\n[1]\n{\"step\":\"x\"}\n{\"event\":7,\"step\":2}\n\n{\"tokens\":3}\n{\"step\":3");
        using (MetricsWriter writer = MetricsWriter.Resume(folder.Path, 9)) Assert.Null(writer.LastEvalStep);
        Assert.Equal("{\"step\":1}\n{\"event\":7,\"step\":2}\n", File.ReadAllText(MetricsPath));
    }

    [Fact]
    public void Resuming_without_a_file_begins_one()
    {
        using (MetricsWriter writer = MetricsWriter.Resume(folder.Path, 5)) writer.OnStep(Step(6));
        Assert.Single(File.ReadAllLines(MetricsPath));
    }

    [Fact]
    public void A_new_run_does_not_overwrite_the_metrics_of_another()
    {
        using (MetricsWriter writer = MetricsWriter.Create(folder.Path)) writer.OnStep(Step(1));
        UserErrorException error = Assert.Throws<UserErrorException>(() => MetricsWriter.Create(folder.Path));
        Assert.Contains("--resume", error.Message);
        Assert.Single(File.ReadAllLines(MetricsPath));
    }

    [Fact]
    public void The_summary_is_one_line_of_json_with_every_key()
    {
        var summary = new TrainingSummary
        {
            Outcome = TrainingOutcome.Completed,
            Run = "runs/über \"1\"",
            Steps = 10,
            Tokens = 1000,
            Loss = double.NaN,
            EvalLoss = 2.5,
            EnergySource = "estimate",
        };
        Assert.Equal(
            """{"run":"runs/über \"1\"","checkpoint":null,"steps":10,"tokens":1000,"loss":null,"eval_loss":2.5,"bits_per_byte":null"""
            + ""","tokens_per_second":null,"mfu":null,"hfu":null,"joules":null,"energy_source":"estimate","grams_co2e":null,"cost":null}""",
            summary.ToJson());
    }
}
