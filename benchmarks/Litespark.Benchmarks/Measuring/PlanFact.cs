using System.Text.Json.Nodes;
using Litespark.Benchmarks.Reporting;

namespace Litespark.Benchmarks.Measuring;

/// <summary>What a plan did in a process of its own.</summary>
internal sealed record PlanFact(
    string Plan, double TokensPerSecond, double StepMs, double Mfu, double Hfu, double PeakFlops, long ResidentBytes, long ArenaBytes, long AllocatedBytes, double FirstLoss)
{
    /// <summary>As a line.</summary>
    public JsonObject ToJson() => new()
    {
        ["plan"] = Plan, ["tokens_per_second"] = Figures.Raw(TokensPerSecond), ["step_ms"] = Figures.Raw(StepMs), ["mfu"] = Figures.Raw(Mfu), ["hfu"] = Figures.Raw(Hfu),
        ["peak_gflops"] = Figures.Raw(PeakFlops / 1e9), ["resident_bytes"] = ResidentBytes, ["arena_bytes"] = ArenaBytes, ["allocated_bytes_per_step"] = AllocatedBytes, ["first_loss"] = Figures.Raw(FirstLoss),
    };

    /// <summary>Reads a line.</summary>
    /// <exception cref="RunFailureException">It is none.</exception>
    public static PlanFact Parse(string line) => JsonLine.Read(line, "a plan's process", row => new PlanFact(
        (string)row["plan"]!, (double)row["tokens_per_second"]!, (double)row["step_ms"]!, (double)row["mfu"]!, (double)row["hfu"]!, (double)row["peak_gflops"]! * 1e9,
        (long)row["resident_bytes"]!, (long)row["arena_bytes"]!, (long)row["allocated_bytes_per_step"]!, (double)row["first_loss"]!));
}

/// <summary>What the peer did.</summary>
/// <param name="TokensPerSecond">Tokens of a step over its median time.</param>
/// <param name="StepMs">The median time of a step.</param>
/// <param name="ResidentBytes">The most memory that the process held.</param>
/// <param name="Loss">The last step's loss.</param>
/// <param name="Torch">PyTorch's version.</param>
/// <param name="Blas">The library of matrix products that it loaded.</param>
/// <param name="BlasThreads">How OpenBLAS makes its threads: serial, pthread or openmp; another text or none for another library.</param>
/// <param name="BlasKernels">The processor that OpenBLAS's kernels are for.</param>
internal sealed record PeerFact(double TokensPerSecond, double StepMs, long ResidentBytes, double Loss, string Torch, string Blas, string BlasThreads, string BlasKernels)
{
    /// <summary>A build of OpenBLAS whose threads fight with PyTorch's: not its best configuration.</summary>
    public bool HasFightingThreads => BlasThreads == "pthread";

    /// <summary>Reads the script's line.</summary>
    /// <exception cref="RunFailureException">It is none.</exception>
    public static PeerFact Parse(string line) => JsonLine.Read(line, "the peer", row => new PeerFact(
        (double)row["tok_s"]!, (double)row["ms"]!, (long)row["resident_bytes"]!, (double)row["loss"]!, (string)row["torch"]!, (string)row["blas"]!, (string)row["blas_threads"]!, (string)row["blas_kernels"]!));
}

/// <summary>Lines that other processes print.</summary>
internal static class JsonLine
{
    /// <summary>The last line that is a JSON object.</summary>
    public static string Last(string output) => output.Split('\n').Select(line => line.Trim()).LastOrDefault(line => line.StartsWith('{')) ?? "";

    /// <summary>Reads one line.</summary>
    /// <exception cref="RunFailureException">It is no object, or lacks a member.</exception>
    public static T Read<T>(string line, string who, Func<JsonObject, T> read)
    {
        try
        {
            return read(JsonNode.Parse(line)!.AsObject());
        }
        catch (Exception error) when (error is System.Text.Json.JsonException or NullReferenceException or ArgumentNullException or InvalidOperationException or FormatException)
        {
            throw new RunFailureException($"{who} printed a line that is not what was expected: {line}", error);
        }
    }
}
