using Litespark.Cli.Progress;
using Litespark.Energy;
using Litespark.Reporting;

namespace Litespark.Tests.Reporting;

public sealed class ConsoleProgressTests : IDisposable
{
    readonly FakeClock clock = new();
    readonly StringWriter screen = new() { NewLine = "\n" };

    public void Dispose() => screen.Dispose();

    static readonly TrainingStart Start = new()
    {
        Run = "runs/one",
        Model = "llama-1m",
        Parameters = 1_234_567,
        Device = "cpu, 2 threads",
        MaxSteps = 4,
        EnergySource = "estimate",
    };

    static readonly TrainingSummary End = new()
    {
        Outcome = TrainingOutcome.Completed,
        Run = "runs/one",
        Checkpoint = "runs/one/checkpoints/step-00000004",
        Steps = 4,
        Tokens = 4000,
        Loss = 3.5,
        EvalLoss = 3.75,
        BitsPerByte = 1.5,
        TokensPerSecond = 1666.7,
        Mfu = 0.412,
        Joules = 1600,
        EnergySource = "estimate",
        Elapsed = TimeSpan.FromSeconds(24),
    };

    ConsoleProgress Progress(bool isLive, bool useColor = false, int width = 200) =>
        new(new ProgressTerminal(screen, isLive, useColor, () => width), clock);

    static StepMetrics Step(int step) => new()
    {
        Step = step,
        Tokens = step * 1000,
        Loss = 4.125 - 0.125 * step,
        TokensPerSecond = 1666.7,
        Mfu = 0.412,
        PeakMemoryBytes = 300L << 20,
        Joules = 400 * step,
        EnergySource = "estimate",
    };

    void Play(ConsoleProgress progress)
    {
        progress.OnStart(Start);
        progress.OnEval(new EvalMetrics { Step = 0, EvalLoss = 4.5, BitsPerByte = 2 });
        for (int step = 1; step <= 4; step++)
        {
            clock.Advance(6);
            progress.OnStep(Step(step));
            if (step == 2) progress.OnWarning("a line of the corpus is\u001b[2J broken");
        }

        progress.OnEval(new EvalMetrics { Step = 4, EvalLoss = 3.75, BitsPerByte = 1.5 });
        progress.OnCheckpoint(4, "runs/one/checkpoints/step-00000004");
        progress.OnSample(4, "Gets the [value].\nReturns\u0007 it.");
        progress.OnEnd(End);
    }

    [Fact]
    public void Where_there_is_no_terminal_plain_lines_come_now_and_then()
    {
        Play(Progress(isLive: false));
        const string Expected = """
            llama-1m | 1.23M parameters | cpu, 2 threads | runs/one
            energy is estimated (~), not measured; './litespark doctor' says why and what would help
            step 0/4 | validation loss 4.5000 | 2.0000 bits per byte
            step 1/4 | loss 4.0000 | val 4.5000 | 1.67k tok/s | MFU 41.2 % | ~400 J (estimate) | ~0.0389 g CO2e | 300 MiB | ETA 0:18
            warning: a line of the corpus is�[2J broken
            step 3/4 | loss 3.7500 | val 4.5000 | 1.67k tok/s | MFU 41.2 % | ~1.20 kJ (estimate) | ~0.117 g CO2e | 300 MiB | ETA 0:06
            step 4/4 | loss 3.6250 | val 4.5000 | 1.67k tok/s | MFU 41.2 % | ~1.60 kJ (estimate) | ~0.156 g CO2e | 300 MiB | ETA 0:00
            step 4/4 | validation loss 3.7500 | 1.5000 bits per byte
            saved runs/one/checkpoints/step-00000004
            sample at step 4
            Gets the [value].
            Returns� it.
            done
            run              runs/one
            checkpoint       runs/one/checkpoints/step-00000004
            steps            4
            tokens           4.00k
            time             0:24
            loss             3.5000
            validation loss  3.7500
            bits per byte    1.5000
            speed            1.67k tok/s
            MFU              41.2 %
            energy           ~1.60 kJ (estimate)
            energy per token ~0.4 J
            carbon           ~0.156 g CO2e (at 0.35 kg/kWh)
            try it:  ./litespark generate --checkpoint runs/one --prompt "..."

            """;
        Assert.Equal(Expected, string.Join('\n', screen.ToString().Split('\n').Select(line => line.TrimEnd())));
    }

    [Fact]
    public void On_a_terminal_one_line_is_rewritten_in_place_and_never_wider_than_it()
    {
        Play(Progress(isLive: true, width: 60));
        string text = screen.ToString();
        Assert.DoesNotContain('\u001b', text);
        string[] drawn = [.. text.Split('\n').SelectMany(line => line.Split('\r')).Where(part => part.StartsWith("step ", StringComparison.Ordinal) && part.Contains("ETA"))];
        Assert.True(drawn.Length >= 4);
        Assert.All(drawn, line => Assert.True(line.Length < 60, line));
        Assert.Contains("\rstep 3/4 | loss 3.7500 | val 4.5000 | ETA 0:06", text);
        Assert.Contains("╰", text);
    }

    [Fact]
    public void A_live_line_is_drawn_ten_times_a_second_at_most()
    {
        ConsoleProgress progress = Progress(isLive: true);
        progress.OnStart(Start with { MaxSteps = 10_000 });
        for (int step = 1; step <= 1000; step++)
        {
            clock.Advance(0.001);
            progress.OnStep(Step(step));
        }

        Assert.Equal(10, screen.ToString().Count(c => c == '\r'));
        progress.Dispose();
        Assert.EndsWith("\n", screen.ToString());
    }

    [Fact]
    public void A_shorter_line_erases_the_longer_one_before_it()
    {
        ConsoleProgress progress = Progress(isLive: true);
        progress.OnStart(Start);
        progress.OnStep(Step(1));
        clock.Advance(1);
        progress.OnStep(new StepMetrics { Step = 2, Tokens = 1, Loss = 1 });
        string[] lines = screen.ToString().Split('\r');
        Assert.Equal(lines[^2].Length, lines[^1].Length);
        Assert.StartsWith("step 2/4 | loss 1.0000 | ETA 0:01 ", lines[^1]);
    }

    [Fact]
    public void Colour_is_used_only_where_it_is_wanted()
    {
        Progress(isLive: true, useColor: true).OnWarning("careful");
        Assert.Contains("\u001b[", screen.ToString());
        Assert.Contains("careful", screen.ToString());
    }

    [Fact]
    public void An_interrupted_run_says_how_to_go_on_and_a_resumed_one_counts_its_own_steps_for_the_time_left()
    {
        ConsoleProgress progress = Progress(isLive: false);
        progress.OnStart(Start with { StepsDone = 100, MaxSteps = 110 });
        clock.Advance(2);
        progress.OnStep(Step(101));
        Assert.Contains("resuming after step 100\n", screen.ToString());
        Assert.Contains("| ETA 0:18\n", screen.ToString());
        progress.OnEnd(End with { Outcome = TrainingOutcome.Interrupted });
        Assert.EndsWith("go on:  ./litespark train --resume --out runs/one\n", screen.ToString());
    }

    [Fact]
    public void A_run_that_cannot_write_text_points_to_its_figures()
    {
        Progress(isLive: false).OnEnd(End with { CanGenerate = false });
        Assert.EndsWith($"every step's figures:  {Path.Combine("runs/one", "metrics.jsonl")}\n", screen.ToString());
        Assert.DoesNotContain("try it", screen.ToString());
    }

    [Fact]
    public void A_measured_energy_has_no_tilde_and_says_what_it_counts()
    {
        Progress(isLive: false).OnStart(Start with { EnergySource = "rapl", EnergyExplanation = "RAPL counters: package-0" });
        Assert.EndsWith("\nenergy from RAPL counters: package-0\n", screen.ToString());
        string line = ProgressLine.Format(Step(1) with { EnergySource = "rapl", Loss = double.NaN }, 9, null, null, EnergyTerms.Default, 200);
        Assert.Equal("step 1/9 | loss NaN | 1.67k tok/s | MFU 41.2 % | 400 J (rapl) | 0.0389 g CO2e | 300 MiB", line);
    }

    [Fact]
    public void The_least_important_figures_go_first_when_room_is_short()
    {
        StepMetrics step = Step(1);
        string Line(int width) => ProgressLine.Format(step, 9, 4.5, TimeSpan.FromSeconds(65), EnergyTerms.Default, width);
        string full = Line(500);
        Assert.Equal(full, Line(full.Length));
        Assert.Equal(full.Replace(" | ~0.0389 g CO2e", ""), Line(full.Length - 1));
        Assert.Equal("step 1/9 | loss 4.0000 | ETA 1:05", Line(33));
        Assert.Equal("step 1/9 | loss 4.0000", Line(32));
        Assert.Equal("step 1/9", Line(21));
        Assert.Equal("step", Line(4));
        Assert.Equal("", Line(-1));
    }

    [Theory]
    [InlineData(0, "0 J")]
    [InlineData(7, "7 J")]
    [InlineData(0.1234, "0.12 J")]
    [InlineData(850.4, "850 J")]
    [InlineData(999.6, "1.00 kJ")]
    [InlineData(12_345, "12.3 kJ")]
    [InlineData(99_960, "100 kJ")]
    [InlineData(1_240_000, "1.24 MJ")]
    public void Figures_have_three_digits_and_a_prefix(double value, string expected) => Assert.Equal(expected, Units.Joules(value, null));

    [Theory]
    [InlineData(0, "~0 g CO2e")]
    [InlineData(0.0000977, "~0.0000977 g CO2e")]
    [InlineData(0.15, "~0.15 g CO2e")]
    [InlineData(123.4, "~123 g CO2e")]
    [InlineData(66_310_000, "~66.3 t CO2e")]
    public void Carbon_is_written_without_exponents(double grams, string expected) => Assert.Equal(expected, Units.Carbon(grams, "estimate"));

    [Theory]
    [InlineData(0, "0:00")]
    [InlineData(3599, "59:59")]
    [InlineData(3600, "1:00:00")]
    [InlineData(266_706, "3d 2:05:06")]
    public void Times_are_written_as_clocks_are_read(int seconds, string expected) => Assert.Equal(expected, Units.Time(TimeSpan.FromSeconds(seconds)));
}
