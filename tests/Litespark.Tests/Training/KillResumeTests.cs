using System.Diagnostics;
using System.Text.Json;
using Xunit.Abstractions;

namespace Litespark.Tests.Training;

/// <summary>
/// A run that is killed again and again ends as an undisturbed one does, bit for bit. The environment variable
/// LITESPARK_KILLS sets the number of kills; each is one of several kinds in turn.
/// </summary>
public class KillResumeTests(ITestOutputHelper output)
{
    const int Interrupt = 2, Kill = 9, Terminate = 15;

    /// <summary>Some ten milliseconds for a step, and a checkpoint every third.</summary>
    const string Recipe = """
        model: {hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, tie_word_embeddings: true, max_position_embeddings: 128}
        training: {max_steps: STEPS, sequence_length: 64, micro_batch_size: 2, global_batch_tokens: 512, seed: 3}
        optimizer: {learning_rate: 0.01}
        schedule: {warmup_steps: 4}
        engine: {device: cpu, threads: 1}
        evaluation: {every_steps: 5, max_tokens: 512}
        checkpoints: {every_steps: 3, keep_last: 2}
        logging: {samples: 0, every_steps: 100}
        energy: {source: estimate}
        """;

    static int Kills => int.TryParse(Environment.GetEnvironmentVariable("LITESPARK_KILLS"), out int kills) ? kills : 4;

    [Fact]
    public void A_run_killed_at_any_moment_and_resumed_ends_as_an_undisturbed_one()
    {
        if (OperatingSystem.IsWindows())
        {
            output.WriteLine("not run: there are no signals on Windows");
            return;
        }

        using var tiny = new TinyRun(Recipe.Replace("STEPS", $"{12 + 6 * Kills}", StringComparison.Ordinal));
        string undisturbed = tiny.Train("undisturbed").Run;
        foreach (int threads in (int[])[1, 2])
        {
            // The cache is made anew, so that kills hit its making too.
            if (Directory.Exists(tiny.At("cache"))) Directory.Delete(tiny.At("cache"), recursive: true);
            string run = tiny.At($"killed-{threads}");
            var random = new Random(threads);
            for (int kill = 0; kill < Kills; kill++)
            {
                using Process process = TinyRun.Start(Arguments(tiny, run, threads));
                string moment = Moment(kill, run, random, process);
                TinyRun.Signal(process, Kill);
                CommandOutcome outcome = TinyRun.Finish(process);
                output.WriteLine($"{threads} thread(s), kill {kill}: {moment}; exit {outcome.Code}, {Describe(run)}");
                Assert.True(outcome.Code is 0 or 128 + Kill, outcome.Error);
            }

            CommandOutcome last = TinyRun.RunProcess(Arguments(tiny, run, threads));
            Assert.True(last.Code == 0, last.Error);
            AssertSameRun(undisturbed, run);
        }
    }

    [Theory]
    [InlineData(Terminate)]
    [InlineData(Interrupt)]
    public void A_polite_signal_lets_the_step_finish_and_the_state_be_saved(int signal)
    {
        if (OperatingSystem.IsWindows())
        {
            output.WriteLine("not run: there are no signals on Windows");
            return;
        }

        if (TinyRun.Ignores(signal))
        {
            output.WriteLine($"not run: signal {signal} is ignored here, as in the background of a script, and children inherit that");
            return;
        }

        using var tiny = new TinyRun(Recipe.Replace("STEPS", "40", StringComparison.Ordinal).Replace("every_steps: 3", "every_steps: 0", StringComparison.Ordinal));
        string undisturbed = tiny.Train("undisturbed").Run, run = tiny.At("stopped");
        using (Process process = TinyRun.Start([.. Arguments(tiny, run, 1), "--json"]))
        {
            if (!WaitFor(process, () => Steps(run) >= 4)) Assert.Fail(TinyRun.Finish(process).Error);
            TinyRun.Signal(process, signal);
            CommandOutcome outcome = TinyRun.Finish(process);
            Assert.True(outcome.Code == 3, $"exit {outcome.Code}: {outcome.Error}");
            JsonElement result = JsonDocument.Parse(outcome.Out).RootElement;
            int steps = Steps(run);
            Assert.InRange(steps, 4, 39);
            Assert.Equal(steps, result.GetProperty("steps").GetInt32());
            Assert.Equal([$"step-{steps:D8}"], TinyRun.Checkpoints(run).Select(Path.GetFileName));
            Assert.Contains("--resume", outcome.Error);
        }

        CommandOutcome resumed = TinyRun.RunProcess(Arguments(tiny, run, 2));
        Assert.True(resumed.Code == 0, resumed.Error);
        Assert.Equal(TinyRun.Reproducible(undisturbed), TinyRun.Reproducible(run));
        AssertSameFiles(TinyRun.Checkpoints(undisturbed)[^1], TinyRun.Checkpoints(run)[^1]);
    }

    /// <summary>Killed before its recipe was saved, a run was never started.</summary>
    static string[] Arguments(TinyRun tiny, string run, int threads) => File.Exists(Path.Combine(run, "recipe.yaml"))
        ? ["train", "--resume", "--out", run, "--set", $"engine.threads={threads}"]
        : ["train", tiny.RecipePath, "--out", run, "--set", $"engine.threads={threads}"];

    /// <summary>Waits for the moment of a kill; the process may have ended before.</summary>
    static string Moment(int kill, string run, Random random, Process process)
    {
        int done = Steps(run);
        DateTime started = process.StartTime.ToUniversalTime(); // A kill may have left a half-written checkpoint before.
        switch (kill % 4)
        {
            case 0:
                WaitFor(process, () => Steps(run) > done);
                return "as soon as it made a step";
            case 1:
                bool saving = WaitFor(process, () => TinyRun.Checkpoints(run).Any(path =>
                    path.EndsWith(".partial", StringComparison.Ordinal) && Directory.GetLastWriteTimeUtc(path) > started && Directory.GetFiles(path).Length >= random.Next(1, 6)));
                return saving ? "during a save" : "(it was over)";
            case 2:
                int wait = random.Next(200, 1500);
                process.WaitForExit(wait);
                return $"after {wait} ms";
            default:
                int more = random.Next(1, 9), delay = random.Next(15);
                WaitFor(process, () => Steps(run) >= done + more);
                process.WaitForExit(delay);
                return $"{delay} ms after {more} more steps";
        }
    }

    /// <summary>Looks again and again, as fast as it can, whether the moment has come.</summary>
    static bool WaitFor(Process process, Func<bool> hasCome)
    {
        while (!process.HasExited)
        {
            try
            {
                if (hasCome()) return true;
            }
            catch (IOException)
            {
                // A folder was renamed meanwhile.
            }

            Thread.Sleep(1);
        }

        return false;
    }

    /// <summary>The last step in the metrics; a line that is being written does not count.</summary>
    static int Steps(string run)
    {
        string path = Path.Combine(run, "metrics.jsonl");
        if (!File.Exists(path)) return 0;
        string[] lines = File.ReadAllText(path).Split('\n')[..^1];
        return lines.Length == 0 ? 0 : JsonDocument.Parse(lines[^1]).RootElement.GetProperty("step").GetInt32();
    }

    static string Describe(string run) => $"step {Steps(run)}, {string.Join(' ', TinyRun.Checkpoints(run).Select(Path.GetFileName))}";

    static void AssertSameRun(string expected, string actual)
    {
        Assert.Equal(TinyRun.Reproducible(expected), TinyRun.Reproducible(actual));
        string[] saved = TinyRun.Checkpoints(expected), resumed = TinyRun.Checkpoints(actual);
        Assert.Equal(saved.Select(Path.GetFileName), resumed.Select(Path.GetFileName));
        foreach ((string one, string other) in saved.Zip(resumed)) AssertSameFiles(one, other);
    }

    static void AssertSameFiles(string expected, string actual)
    {
        foreach (string name in (string[])["model.safetensors", "training_state.safetensors", "tokenizer.json", "config.json"])
            Assert.True(File.ReadAllBytes(Path.Combine(expected, name)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(actual, name))), $"{actual}: {name} differs");
    }
}
