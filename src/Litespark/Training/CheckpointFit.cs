using System.Text.Json.Nodes;
using Litespark.Checkpoints;
using Litespark.Models;
using Litespark.Recipes;

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
        RequireSame($"{path} is a checkpoint", HuggingFaceFolder.ReadSpec(path), spec);
        if (state.Optimizer != optimizer)
            throw new UserErrorException($"{path} was trained with optimizer.name: {state.Optimizer}, the recipe says {optimizer}. Keep the optimizer, or start a new run from the weights with model.path.");
    }

    /// <summary>
    /// Compares the recipe saved with a run with the one it is to go on with, before the tokenizer and the data of that are made. The vocabulary is
    /// not known yet, and a run without a checkpoint starts anew whatever it was.
    /// </summary>
    /// <param name="run">The run's folder.</param>
    /// <param name="recipe">What it is to go on with.</param>
    /// <exception cref="UserErrorException">They are of different models: names the keys, with the values found and wanted.</exception>
    public static void RequireSameModel(string run, LoadedRecipe recipe)
    {
        string saved = Path.Combine(run, RunFolder.RecipeFile);
        if (!File.Exists(saved) || new CheckpointFolders(Path.Combine(run, CheckpointStore.FolderName)).NewestFirst().All(folder => folder.Temporary)) return;
        TransformerSpec found;
        try
        {
            found = RecipePlan.ResolveSpec(RecipeLoader.LoadFile(saved));
        }
        catch (UserErrorException)
        {
            return; // What it was made from may be gone; the checkpoint tells, later.
        }

        TransformerSpec wanted = RecipePlan.ResolveSpec(recipe);
        RequireSame($"{run} is a run", found with { VocabSize = wanted.VocabSize }, wanted);
    }

    static void RequireSame(string what, TransformerSpec found, TransformerSpec wanted)
    {
        string[] differences = [.. Differences(HuggingFaceConfig.ToJson(found), HuggingFaceConfig.ToJson(wanted))];
        if (differences.Length > 0)
            throw new UserErrorException($"{what} of another model than the recipe's: {string.Join("; ", differences)}. "
                + "Resume with the run's own recipe, or give another folder with --out to start a new run.");
    }

    static IEnumerable<string> Differences(JsonObject found, JsonObject wanted)
        => from key in wanted.Select(pair => pair.Key).Union(found.Select(pair => pair.Key))
           where !Harmless.Contains(key) && !JsonNode.DeepEquals(found[key], wanted[key])
           select $"{key} is {Text(found[key])} there and {Text(wanted[key])} here";

    static string Text(JsonNode? value) => value?.ToJsonString() ?? "absent";
}
