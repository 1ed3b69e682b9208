using System.Text.Json.Nodes;
using Litespark.Checkpoints;
using Litespark.Models;
using Litespark.Recipes;

namespace Litespark.Training.Sparsity;

/// <summary>The masks of a saved model.</summary>
/// <param name="Folder">The model folder that they were read from.</param>
/// <param name="IsFromWeights">Whether they are the blocks of zeros in its weights, rather than the state of sparse training.</param>
/// <param name="Masks">By name, in the model's order.</param>
public sealed record CheckpointMasks(string Folder, bool IsFromWeights, IReadOnlyList<BlockMask> Masks)
{
    /// <summary>Rows and columns of a block of zeros where none is named.</summary>
    public const int DefaultBlock = 16;

    /// <summary>
    /// Reads the masks of <c>training_state.json</c>; where there are none, or a block is named, looks for blocks that hold nothing but zeros in
    /// all matrices, one in memory at a time.
    /// </summary>
    /// <param name="path">A run, a checkpoint or a Hugging Face folder.</param>
    /// <param name="block">Rows and columns of the blocks to look for; null = the saved masks, else <see cref="DefaultBlock"/>.</param>
    /// <exception cref="UserErrorException">There is no model, or a file is damaged.</exception>
    public static CheckpointMasks Read(string path, (int Rows, int Columns)? block = null)
    {
        string folder = CheckpointStore.ResolveModelFolder(path, out _);
        string stateFile = Path.Combine(folder, CheckpointContents.StateFileName);
        TransformerSpec spec = HuggingFaceFolder.ReadSpec(folder);
        (int rows, int columns) = block ?? (DefaultBlock, DefaultBlock);
        IReadOnlyList<SparseWeight> covered = SparseWeights.Of(spec, new SparsitySection { Head = true, Embedding = true }, rows, columns);
        if (block is null && File.Exists(stateFile) && CheckpointStore.ReadState(folder)[SparsityController.StateKey] is JsonObject state)
        {
            Dictionary<string, int> order = covered.Select((weight, index) => (weight.Name, index)).ToDictionary();
            IReadOnlyList<BlockMask> saved = MaskJson.Read(state["masks"], stateFile);
            return new CheckpointMasks(folder, false, [.. saved.OrderBy(mask => order.GetValueOrDefault(mask.Weight.Name, int.MaxValue))]);
        }

        var blocks = new ZeroBlocks(spec, covered);
        HuggingFaceFolder.LoadWeights(folder, spec, blocks);
        return new CheckpointMasks(folder, true, [.. covered.Select(weight => blocks.Masks[weight.Name])]);
    }
}
