using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Litespark.Cli;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Reporting;
using Litespark.Training;

namespace Litespark.Tests.Training;

/// <summary>What a command did.</summary>
internal sealed record CommandOutcome(int Code, string Out, string Error);

/// <summary>A folder with a small corpus and a recipe that trains a tiny model on it, and ways to run the command line over it.</summary>
internal sealed partial class TinyRun : IDisposable
{
    readonly TemporaryFolder folder = new();

    /// <param name="recipe">Sections of the recipe, besides the tokenizer and the data.</param>
    public TinyRun(string recipe = DefaultRecipe)
    {
        File.WriteAllText(Corpus, Documents(seed: 1, count: 60));
        File.WriteAllText(RecipePath, $"""
            {recipe}
            tokenizer: {"{"}vocab_size: 300{"}"}
            data: {"{"}train: ["{Corpus}"], validation_fraction: 0.1, cache_dir: "{At("cache")}"{"}"}
            """);
    }

    public const string DefaultRecipe = """
        model: {hidden_size: 32, intermediate_size: 48, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2, tie_word_embeddings: true, max_position_embeddings: 128}
        training: {max_steps: 12, sequence_length: 32, micro_batch_size: 2, global_batch_tokens: 128, seed: 3}
        optimizer: {learning_rate: 0.01}
        schedule: {warmup_steps: 4}
        engine: {device: cpu, threads: 1}
        evaluation: {every_steps: 5, max_tokens: 512}
        checkpoints: {every_steps: 4, keep_last: 2}
        logging: {samples: 0, every_steps: 100}
        energy: {source: estimate}
        """;

    public string Path => folder.Path;

    public string Corpus => At("corpus.jsonl");

    public string RecipePath => At("tiny.yaml");

    /// <summary>A path in the folder.</summary>
    public string At(params string[] names) => folder.File(names);

    /// <summary>Checkpoint folders of a run, oldest first.</summary>
    public static string[] Checkpoints(string run)
    {
        string root = System.IO.Path.Combine(run, "checkpoints");
        return Directory.Exists(root) ? [.. Directory.GetDirectories(root).Order(StringComparer.Ordinal)] : [];
    }

    /// <summary>Whole rows of a run's metrics.jsonl.</summary>
    public static List<JsonElement> Rows(string run)
    {
        string path = System.IO.Path.Combine(run, "metrics.jsonl");
        return File.Exists(path) ? [.. File.ReadLines(path).Select(line => JsonDocument.Parse(line).RootElement)] : [];
    }

    public static bool IsEval(JsonElement row) => row.TryGetProperty("event", out JsonElement kind) && kind.ValueEquals("eval");

    /// <summary>Whether a row is about a change of topology.</summary>
    public static bool IsTopology(JsonElement row) => row.TryGetProperty("event", out JsonElement kind) && kind.ValueEquals("topology");

    /// <summary>What of a row has to be the same in every run of the recipe: numbers as they are written, to the last bit.</summary>
    public static string Reproducible(JsonElement row)
    {
        if (IsTopology(row)) return row.GetRawText();
        string[] keys = IsEval(row) ? ["event", "step", "eval_loss", "bits_per_byte"] : ["step", "tokens", "loss", "grad_norm", "learning_rate", "density", "flops"];
        return string.Join(' ', keys.Select(key => $"{key}={row.GetProperty(key).GetRawText()}"));
    }

    public static string[] Reproducible(string run) => [.. Rows(run).Select(Reproducible)];

    /// <summary>JSON Lines of sentences drawn from few words, so that there is something to learn.</summary>
    public static string Documents(int seed, int count)
    {
        string[] words = ["the", "value", "of", "a", "list", "returns", "string", "when", "is", "null", "or", "empty", "method", "gets", "sets", "number"];
        var random = new Random(seed);
        var text = new StringBuilder();
        for (int i = 0; i < count; i++)
        {
            text.Append("{\"text\": \"");
            for (int word = random.Next(5, 60); word > 0; word--) text.Append(words[Math.Min(random.Next(words.Length), random.Next(words.Length))]).Append(' ');
            text.Append("\"}\n");
        }

        return text.ToString();
    }

    /// <summary>Runs a command line in this process.</summary>
    public static CommandOutcome Run(params string[] args)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        int code = CommandLine.Run(args, output, error);
        return new CommandOutcome(code, output.ToString(), error.ToString());
    }

    /// <summary>The recipe with some keys changed: <c>key=value</c>.</summary>
    public LoadedRecipe Load(params string[] changes) => RecipeLoader.LoadFile(RecipePath, changes.Select(RecipeOverride.Parse));

    /// <summary>The recipe's tokenizer, data and program.</summary>
    public TrainingSetup Open(params string[] changes) => TrainingSetup.Open(Load(changes), DeviceProfile.Cpu, 1, _ => { });

    /// <summary>Trains in this process, to the end or to a stop requested after a step.</summary>
    public TrainingSummary Train(string run, string[]? changes = null, bool resume = false, int stopAfter = int.MaxValue, ITrainingObserver? observer = null)
    {
        using TrainingSetup setup = Open(changes ?? []);
        using IDevice device = DeviceSelection.Open(setup.Recipe.Engine);
        using var stop = new CancellationTokenSource();
        var options = new TrainerOptions { Run = At(run), Resume = resume, StopRequested = stop.Token };
        using var trainer = new Trainer(setup, device, options, new Stopper(stopAfter, stop, observer));
        return trainer.Run();
    }

    /// <summary>Starts the command line in a process of its own; its output is redirected.</summary>
    public static Process Start(IEnumerable<string> args, Action<ProcessStartInfo>? change = null)
    {
        var info = new ProcessStartInfo(Host, [Program, .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        change?.Invoke(info);
        return Process.Start(info)!;
    }

    /// <summary>Runs the command line in a process of its own, to its end.</summary>
    public static CommandOutcome RunProcess(IEnumerable<string> args, Action<ProcessStartInfo>? change = null)
    {
        using Process process = Start(args, change);
        return Finish(process);
    }

    public static CommandOutcome Finish(Process process)
    {
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        process.WaitForExit();
        return new CommandOutcome(process.ExitCode, output.Result, error.Result);
    }

    /// <summary>Sends a signal.</summary>
    public static void Signal(Process process, int signal) => _ = Kill(process.Id, signal);

    /// <summary>Whether this process ignores a signal; false where Linux's account of itself cannot be read.</summary>
    public static bool Ignores(int signal)
    {
        const string Key = "SigIgn:";
        if (!File.Exists("/proc/self/status")) return false;
        string mask = File.ReadLines("/proc/self/status").Single(line => line.StartsWith(Key, StringComparison.Ordinal))[Key.Length..];
        return (ulong.Parse(mask.Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (signal - 1) & 1) != 0;
    }

    public void Dispose() => folder.Dispose();

    sealed class Stopper(int stopAfter, CancellationTokenSource stop, ITrainingObserver? inner) : ITrainingObserver
    {
        public void OnStep(in StepMetrics metrics)
        {
            if (metrics.Step == stopAfter) stop.Cancel();
        }

        public void OnWarning(string message) => inner?.OnWarning(message);

        public void OnNotice(string message) => inner?.OnNotice(message);

        public void OnCheckpoint(long step, string path) => inner?.OnCheckpoint(step, path);
    }

    /// <summary>The command line's program.</summary>
    public static string Program => System.IO.Path.Combine(AppContext.BaseDirectory, "Litespark.Cli.dll");

    /// <summary>The host that runs this test: one installation may have several, and none be in the PATH.</summary>
    public static string Host => System.IO.Path.GetFullPath(System.IO.Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
