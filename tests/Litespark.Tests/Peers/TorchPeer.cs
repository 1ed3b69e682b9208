using System.Diagnostics;
using System.Text.Json;
using Litespark.Data;

namespace Litespark.Tests.Peers;

/// <summary>AdamW steps for the reference to take on one batch; weight decay acts on tensors of two or more dimensions.</summary>
internal sealed record TorchAdamW(int Steps)
{
    public double LearningRate { get; init; } = 1e-3;
    public double Beta1 { get; init; } = 0.9;
    public double Beta2 { get; init; } = 0.95;
    public double Epsilon { get; init; } = 1e-8;
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Largest global gradient norm; 0 = no clipping.</summary>
    public double Clip { get; init; } = 1;
}

/// <summary>
/// Runs <c>tests/peers/torch_reference.py</c>, the independent implementation in PyTorch, where Python has PyTorch.
/// Python is <c>LITESPARK_PYTHON</c>, by default <c>/usr/bin/python3</c>.
/// </summary>
internal static class TorchPeer
{
    static readonly Lazy<string?> Problem = new(FindProblem);

    static string Python => Environment.GetEnvironmentVariable("LITESPARK_PYTHON") is { Length: > 0 } path ? path : "/usr/bin/python3";

    static string Script => Path.Combine(RepositoryRoot(), "tests", "peers", "torch_reference.py");

    /// <summary>Whether the reference can run here; if not, why, and what would help.</summary>
    public static bool IsAvailable(out string reason)
    {
        reason = Problem.Value ?? "";
        return Problem.Value is null;
    }

    /// <summary>Writes a Hugging Face model folder with random fp32 weights for the given <c>config.json</c> text.</summary>
    public static void Make(string folder, string configJson, int seed) => Run([Script, .. MakeArguments(folder, configJson, seed)]);

    /// <summary>
    /// One step of the model in <paramref name="modelFolder"/>: <c>logits</c> [B, T, V], <c>loss</c> and <c>grad.NAME</c>,
    /// in double precision; with <paramref name="adamW"/> also <c>losses</c>, <c>grad_norms</c> [steps] and <c>weight.NAME</c>.
    /// </summary>
    public static Dictionary<string, PeerTensor> Step(string modelFolder, MicroBatch batch, TorchAdamW? adamW = null)
    {
        string input = Path.GetTempFileName(), output = Path.GetTempFileName();
        try
        {
            Run([Script, .. StepArguments(modelFolder, batch, adamW, input, output)]);
            return PeerFile.Read(output);
        }
        finally
        {
            File.Delete(input);
            File.Delete(output);
        }
    }

    /// <summary><see cref="Make"/> and <see cref="Step"/> for several models in one process: starting PyTorch takes seconds.</summary>
    public static Dictionary<string, PeerTensor>[] MakeAndStep(IReadOnlyList<(string Folder, string ConfigJson, MicroBatch Batch, TorchAdamW AdamW)> models)
    {
        string Output(string folder) => Path.Combine(folder, "reference.safetensors");
        string jobs = Path.GetTempFileName();
        try
        {
            string[][] arguments = [.. models.SelectMany((model, i) => (string[][])[
                MakeArguments(model.Folder, model.ConfigJson, i),
                StepArguments(model.Folder, model.Batch, model.AdamW, Path.Combine(model.Folder, "batch.safetensors"), Output(model.Folder))])];
            File.WriteAllText(jobs, JsonSerializer.Serialize(arguments));
            Run(Script, "--jobs", jobs);
            return [.. models.Select(model => PeerFile.Read(Output(model.Folder)))];
        }
        finally
        {
            File.Delete(jobs);
        }
    }

    static string[] MakeArguments(string folder, string configJson, int seed)
    {
        Directory.CreateDirectory(folder);
        string config = Path.Combine(folder, "config.json");
        File.WriteAllText(config, configJson);
        return ["--make", folder, "--config", config, "--seed", $"{seed}"];
    }

    static string[] StepArguments(string modelFolder, MicroBatch batch, TorchAdamW? adamW, string input, string output)
    {
        PeerFile.Write(
            input,
            batch.Rows,
            ("tokens", batch.Tokens.ToArray()),
            ("targets", batch.Targets.ToArray()),
            ("positions", batch.Positions.ToArray()),
            ("document_starts", batch.DocumentStarts.ToArray()));
        string[] arguments = ["--model", modelFolder, "--batch", input, "--out", output];
        if (adamW is null) return arguments;
        return [
            .. arguments, "--adamw-steps", $"{adamW.Steps}", "--lr", $"{adamW.LearningRate:R}", "--beta1", $"{adamW.Beta1:R}", "--beta2", $"{adamW.Beta2:R}",
            "--eps", $"{adamW.Epsilon:R}", "--weight-decay", $"{adamW.WeightDecay:R}", "--clip", $"{adamW.Clip:R}"];
    }

    static string? FindProblem()
    {
        if (!File.Exists(Python)) return $"{Python} is missing (set LITESPARK_PYTHON to a Python that has PyTorch)";
        try
        {
            Run("-c", "import torch, numpy");
            return null;
        }
        catch (InvalidOperationException)
        {
            return $"{Python} has no PyTorch (apt-get install python3-torch python3-numpy libopenblas0-openmp, or set LITESPARK_PYTHON)";
        }
    }

    static void Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(Python, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{Python} {string.Join(' ', arguments)}: {output.Result}{error}");
    }

    internal static string RepositoryRoot()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Litespark.slnx"))) return folder;
        }

        throw new DirectoryNotFoundException($"no Litespark.slnx above {AppContext.BaseDirectory}");
    }
}
