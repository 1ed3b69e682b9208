using System.Text.Json.Nodes;
using Litespark.Checkpoints;
using Litespark.Models;

namespace Litespark.Training;

/// <summary>
/// Tells whether a checkpoint is one of the run's recipe. Two architectures can have tensors of the same shapes (other heads,
/// another window, another rotary base), so the configurations are compared, not only the tensors.
/// </summary>
internal static class CheckpointFit
{
    /// <summary>Keys that say how a model began or is used, not what it computes.</summary>
    static readonly string[] Harmless = ["initializer_range", "bos_token_id", "eos_token_id", "torch_dtype"];

    /// <summary>Compares a checkpoint with what the recipe asks for.</summary>
    /// <param name="path">The checkpoint.</param>
    /// <param name="state">Its state.</param>
    /// <param name="spec">The recipe's architecture.</param>
    /// <param name="optimizer">The recipe's update rule.</param>
    /// <exception cref="UserErrorException">They differ: names the keys, with the values found and wanted.</exception>
    public static void Require(string path, RunState state, TransformerSpec spec, string optimizer)
    {
        string[] differences = [.. Differences(HuggingFaceConfig.ToJson(HuggingFaceFolder.ReadSpec(path)), HuggingFaceConfig.ToJson(spec))];
        if (differences.Length > 0)
            throw new UserErrorException($"{path} is a checkpoint of another model than the recipe's: {string.Join("; ", differences)}. "
                + "Resume with the run's own recipe, or give another folder with --out to start a new run.");
        if (state.Optimizer != optimizer)
            throw new UserErrorException($"{path} was trained with optimizer.name: {state.Optimizer}, the recipe says {optimizer}. Keep the optimizer, or start a new run from the weights with model.path.");
    }

    static IEnumerable<string> Differences(JsonObject found, JsonObject wanted)
        => from key in wanted.Select(pair => pair.Key).Union(found.Select(pair => pair.Key))
           where !Harmless.Contains(key) && !JsonNode.DeepEquals(found[key], wanted[key])
           select $"{key} is {Text(found[key])} there and {Text(wanted[key])} here";

    static string Text(JsonNode? value) => value?.ToJsonString() ?? "absent";
}
