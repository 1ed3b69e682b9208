using Litespark.Energy.Comparison;
using Litespark.Reporting;
using Litespark.Tests.Cli;

namespace Litespark.Tests.Reporting;

public sealed class RunEnergyTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>A run of 1000-token steps; evaluations and the joules of a step are the caller's.</summary>
    string Run(string name, int steps, double seconds, Func<int, double> joules, string source = "rapl", Func<int, bool>? isEvaluated = null)
    {
        string run = folder.File(name);
        Directory.CreateDirectory(run);
        using MetricsWriter writer = MetricsWriter.Create(run);
        double total = 0;
        for (int step = 1; step <= steps; step++)
        {
            total += joules(step);
            writer.OnStep(new StepMetrics { Step = step, Tokens = step * 1000L, Loss = 1, StepMs = seconds * 1e3, Joules = total, EnergySource = source });
            if (isEvaluated?.Invoke(step) == true) writer.OnEval(new EvalMetrics { Step = step, EvalLoss = 1 });
        }

        return run;
    }

    [Fact]
    public void Windows_are_long_enough_and_at_most_ten()
    {
        EnergySeries series = RunEnergy.Read(Run("long", 201, 1, _ => 20));
        Assert.Equal(10, series.Samples.Count);
        Assert.Equal(200, series.Samples.Sum(sample => sample.Seconds), 6);
        Assert.Equal(0.02, series.JoulesPerToken.Mean, 9);
        Assert.Equal(20, series.Watts.Mean, 9);
        Assert.Equal(0, series.Watts.Deviation!.Value, 9);
        Assert.True(series.IsMeasured);
        Assert.Equal(2, RunEnergy.Read(Run("short", 12, 1, _ => 20)).Samples.Count);
        EnergySeries brief = RunEnergy.Read(Run("brief", 4, 1, _ => 20));
        Assert.True(brief is { Samples.Count: 1, IsImprecise: true, IsMeasured: false });
    }

    [Fact]
    public void The_first_step_evaluations_and_checkpoints_are_left_out()
    {
        // A step takes 20 J; the first, those after an evaluation (every 5th) and those after a checkpoint (every 7th) far more.
        double Joules(int step) => step == 1 || (step - 1) % 5 == 0 || (step - 1) % 7 == 0 ? 5000 : 20;
        EnergySeries series = RunEnergy.Read(Run("run", 60, 1, Joules, isEvaluated: step => step % 5 == 0), checkpointEvery: 7);
        Assert.Equal(0.02, series.JoulesPerToken.Mean, 9);
        Assert.Equal(0, series.JoulesPerToken.Deviation!.Value, 9);
    }

    [Fact]
    public void Joules_and_seconds_are_of_the_same_stretches()
    {
        string run = folder.File("run");
        Directory.CreateDirectory(run);
        using (MetricsWriter writer = MetricsWriter.Create(run))
        {
            // Steps of 0.6 s every second, 100 W throughout; the run is resumed before step 21, by a process whose time begins anew.
            for (int step = 1; step <= 40; step++)
            {
                double elapsed = step <= 20 ? step : step - 20;
                writer.OnStep(new StepMetrics { Step = step, Tokens = step * 1000L, Loss = 1, StepMs = 600, ElapsedSeconds = elapsed, Joules = 100 * step + (step > 20 ? 5000 : 0), EnergySource = "rapl" });
            }
        }

        EnergySeries series = RunEnergy.Read(run);
        Assert.Equal(100, series.Watts.Mean, 9);
        Assert.Equal(1000, series.TokensPerSecond.Mean, 9);
        Assert.Equal(0.1, series.JoulesPerToken.Mean, 9);
        Assert.Equal(38, series.Samples.Sum(sample => sample.Seconds), 9);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Steps_of_unknown_joules_are_one_stretch_with_the_next_that_is_known(bool hasElapsed)
    {
        string run = folder.File("run");
        Directory.CreateDirectory(run);
        using (MetricsWriter writer = MetricsWriter.Create(run))
        {
            // A second and 100 J each; of ten steps three are not known, once an evaluation comes in between, which takes 1000 J more.
            for (int step = 1; step <= 40; step++)
            {
                double? joules = (step % 10) is (3 or 4 or 5) ? null : 100 * step + (step > 24 ? 1000 : 0);
                writer.OnStep(new StepMetrics { Step = step, Tokens = step * 1000L, Loss = 1, StepMs = 1000, ElapsedSeconds = hasElapsed ? step : null, Joules = joules, EnergySource = "rapl" });
                if (step == 24) writer.OnEval(new EvalMetrics { Step = step, EvalLoss = 1 });
            }
        }

        EnergySeries series = RunEnergy.Read(run);
        Assert.Equal(100, series.Watts.Mean, 9);
        Assert.Equal(0.1, series.JoulesPerToken.Mean, 9);
        // From the first step's end to the last's, but for the stretch from step 22 to 26.
        Assert.Equal(39 - 4, series.Samples.Sum(sample => sample.Seconds), 9);
    }

    [Fact]
    public void A_run_resumed_with_another_meter_is_what_that_one_measured()
    {
        string run = Run("run", 20, 1, _ => 20, "estimate");
        using (MetricsWriter writer = MetricsWriter.Resume(run, 20))
        {
            for (int step = 21; step <= 40; step++) writer.OnStep(new StepMetrics { Step = step, Tokens = step * 1000L, Loss = 1, StepMs = 1000, Joules = step * 30, EnergySource = "rapl" });
        }

        EnergySeries series = RunEnergy.Read(run);
        Assert.Equal("rapl", series.Source);
        Assert.Equal(0.03, series.JoulesPerToken.Mean, 9);
    }

    [Fact]
    public void What_is_no_run_is_a_user_error()
    {
        Assert.Contains("is no run folder", Assert.Throws<UserErrorException>(() => RunEnergy.Read(folder.Path)).Message);
        Assert.Contains("a longer run can be compared", Assert.Throws<UserErrorException>(() => RunEnergy.Read(Run("one", 1, 1, _ => 1))).Message);
    }

    [Fact]
    public void The_verb_prints_the_reports_table_and_a_saving_of_measured_runs()
    {
        string a = Run("a", 61, 1, step => 100 + (step % 2)), b = Run("b", 61, 0.5, step => 40 + (step % 2 * 0.5));
        CliRun run = CliRun.Of("energy", "compare", a, b);
        Assert.Equal(0, run.Code);
        Assert.Contains("runs at 2.00 times the speed", run.Out);
        Assert.Matches("takes (59|60)\\.. % less energy per token", run.Out);
        Assert.Contains("MWh per 500G tokens", run.Out);
        Assert.DoesNotContain("~", run.Out);
        System.Text.Json.JsonElement json = CliRun.Of("energy", "compare", a, b, "--json").Json().Has("a", "b", "speedup", "saving", "saving_spread", "obstacle");
        Assert.InRange(json.Number("saving"), 0.58, 0.62);
        // 0.1005 J a token for 500 G tokens are 13.96 MWh, at 0.35 kg/kWh 4.89 t.
        Assert.Equal(0.1005 * 500e9 / 3.6e9, json.GetProperty("a").Number("megawatt_hours"), 0.01);
        Assert.Equal(0.1005 * 500e9 / 3.6e9 * 0.35, json.GetProperty("a").Number("tons_co2e"), 0.01);
    }

    [Fact]
    public void The_verb_says_of_estimates_that_they_are_and_reports_no_saving()
    {
        string a = Run("a", 61, 1, _ => 100, "estimate"), b = Run("b", 61, 1, _ => 50, "estimate");
        CliRun run = CliRun.Of("energy", "compare", a, b);
        Assert.Contains("No saving is reported: both figures of energy are estimates (~)", run.Out);
        Assert.Contains("~0.1", run.Out);
        Assert.DoesNotContain("less energy", run.Out);
        Assert.Equal(System.Text.Json.JsonValueKind.Null, CliRun.Of("energy", "compare", a, b, "--json").Json().GetProperty("saving").ValueKind);
    }

    [Theory]
    [InlineData("energy compare")]
    [InlineData("energy compare one")]
    [InlineData("energy compare one two --plans llama-15m")]
    public void Anything_but_two_runs_or_plans_is_refused(string line) => CliRun.Of(line.Split(' ')).AssertUserError("takes two run folders, or --plans RECIPE");

    [Fact]
    public void Both_plans_of_a_recipe_are_measured_in_turns()
    {
        System.Text.Json.JsonElement json = CliRun.Of(
            "energy", "compare", "--plans", "llama-15m", "--device", "cpu", "--set", "data.source=synthetic", "--set", "model.hidden_size=32", "--set", "model.intermediate_size=64",
            "--set", "model.num_hidden_layers=1", "--set", "model.num_attention_heads=2", "--set", "model.vocab_size=64", "--set", "training.sequence_length=16", "--set", "engine.threads=1",
            "--set", "energy.source=estimate", "--windows", "2", "--window", "0.05", "--json").Json();
        Assert.Equal("baseline", json.GetProperty("a").GetProperty("name").GetString());
        Assert.Equal(2, json.GetProperty("b").Number("windows"));
        Assert.True(json.GetProperty("b").Number("tokens_per_second") > 0);
        Assert.False(json.GetProperty("b").GetProperty("is_measured").GetBoolean());
        Assert.NotNull(json.GetProperty("obstacle").GetString());
    }
}
