using System.Text.Json.Nodes;

namespace Litespark.Devices.Cuda.Libraries.Cudnn;

/// <summary>What computes attention of one form: two that differ may round otherwise.</summary>
/// <param name="Gpu">The GPU's name.</param>
/// <param name="By">cuDNN with its version, or our own kernels.</param>
/// <param name="Engine">Which of cuDNN's engines, with its settings; null for our own kernels, and where cuDNN does not say.</param>
internal sealed record AttentionChoice(string Gpu, string By, string? Engine = null)
{
    const string Own = "own kernels";

    /// <summary>Our own kernels on a GPU.</summary>
    public static AttentionChoice OwnKernels(string gpu) => new(gpu, Own);

    /// <summary>Whether it is our own kernels.</summary>
    public bool IsOwn => By == Own;

    /// <inheritdoc/>
    public override string ToString() => $"{By}{(Engine is null ? "" : $" (engine {Engine})")} on {Gpu}";

    /// <summary>As <c>training_state.json</c> holds it.</summary>
    public JsonObject ToJson() => new() { ["gpu"] = Gpu, ["by"] = By, ["engine"] = Engine };

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public static AttentionChoice FromJson(string problem, JsonNode? json)
    {
        try
        {
            return new AttentionChoice((string?)json!["gpu"] ?? throw new FormatException("no gpu"), (string?)json["by"] ?? throw new FormatException("no by"), (string?)json["engine"]);
        }
        catch (Exception error) when (error is NullReferenceException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"what computes {problem} is damaged: {error.Message}", error);
        }
    }
}
