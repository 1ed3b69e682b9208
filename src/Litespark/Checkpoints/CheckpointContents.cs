using System.Text.Json.Nodes;
using Litespark.Models;
using Litespark.Planning;

namespace Litespark.Checkpoints;

/// <summary>What a checkpoint holds: a model folder, and beside it all that the next step needs.</summary>
public sealed record CheckpointContents
{
    /// <summary>Name of the file of the optimiser's tensors.</summary>
    public const string OptimizerFileName = "training_state.safetensors";

    /// <summary>Name of the file of all other state.</summary>
    public const string StateFileName = "training_state.json";

    /// <summary>The architecture.</summary>
    public required TransformerSpec Spec { get; init; }

    /// <summary>The weights under canonical names, fp32.</summary>
    public required ITensorStore Weights { get; init; }

    /// <summary>The optimiser's tensors, fp32.</summary>
    public required ITensorStore OptimizerState { get; init; }

    /// <summary>The trainer's own state: step, seeds, the data's position, … written as given.</summary>
    public required JsonObject TrainingState { get; init; }

    /// <summary>Token that opens a text; null = none.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Tokens that end a text; empty = none.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Writes the tokenizer's files into the folder it is given.</summary>
    public Action<string>? WriteTokenizer { get; init; }

    internal void WriteTo(string folder)
    {
        HuggingFaceFolder.Save(folder, Spec, Weights, new HuggingFaceSaveOptions
        {
            BosTokenId = BosTokenId, EosTokenIds = EosTokenIds, WriteTokenizer = WriteTokenizer,
        });
        SafetensorsWriter.Write(Path.Combine(folder, OptimizerFileName), OptimizerState);
        JsonFile.Write(Path.Combine(folder, StateFileName), TrainingState);
    }
}
