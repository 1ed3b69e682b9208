using System.Diagnostics;
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
    public static void Make(string folder, string configJson, int seed)
    {
        Directory.CreateDirectory(folder);
        string config = Path.Combine(folder, "config.json");
        File.WriteAllText(config, configJson);
        Run(Script, "--make", folder, "--config", config, "--seed", $"{seed}");
    }

    /// <summary>
    /// One step of the model in <paramref name="modelFolder"/>: <c>logits</c> [B, T, V], <c>loss</c> and <c>grad.NAME</c>,
    /// in double precision; with <paramref name="adamW"/> also <c>losses</c>, <c>grad_norms</c> [steps] and <c>weight.NAME</c>.
    /// </summary>
    public static Dictionary<string, PeerTensor> Step(string modelFolder, MicroBatch batch, TorchAdamW? adamW = null)
    {
        string input = Path.GetTempFileName(), output = Path.GetTempFileName();
        try
        {
            PeerFile.Write(
                input,
                batch.Rows,
                ("tokens", batch.Tokens.ToArray()),
                ("targets", batch.Targets.ToArray()),
                ("positions", batch.Positions.ToArray()),
                ("document_starts", batch.DocumentStarts.ToArray()));
            List<string> arguments = [Script, "--model", modelFolder, "--batch", input, "--out", output];
            if (adamW is not null)
            {
                arguments.AddRange(["--adamw-steps", $"{adamW.Steps}", "--lr", $"{adamW.LearningRate:R}", "--beta1", $"{adamW.Beta1:R}"]);
                arguments.AddRange(["--beta2", $"{adamW.Beta2:R}", "--eps", $"{adamW.Epsilon:R}"]);
                arguments.AddRange(["--weight-decay", $"{adamW.WeightDecay:R}", "--clip", $"{adamW.Clip:R}"]);
            }

            Run([.. arguments]);
            return PeerFile.Read(output);
        }
        finally
        {
            File.Delete(input);
            File.Delete(output);
        }
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

    static string RepositoryRoot()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Litespark.slnx"))) return folder;
        }

        throw new DirectoryNotFoundException($"no Litespark.slnx above {AppContext.BaseDirectory}");
    }
}
