using Litespark.Checkpoints;
using Litespark.Data;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Tokenization;
using Litespark.Training.Sparsity;

namespace Litespark.Training;

/// <summary>All that a recipe names, opened: tokenizer, data, architecture and the program that trains it.</summary>
public sealed class TrainingSetup : IDisposable
{
    TrainingSetup(LoadedRecipe recipe, DeviceProfile device, TransformerSpec spec, Tokenizer? tokenizer, DataPipeline data, string? modelFolder)
    {
        Recipe = recipe.Recipe;
        Name = recipe.Name;
        Spec = spec;
        Tokenizer = tokenizer;
        Data = data;
        ModelFolder = modelFolder;
        EosTokenIds = FindEosTokenIds(modelFolder, tokenizer);
        Optimizer = RecipeSettings.Optimizer(Recipe.Optimizer);
        PlanOptions = RecipeSettings.Plan(Recipe.Engine);
        Program = ProgramBuilder.Training(Transformer.Function(spec), PlanOptions, Optimizer, Recipe.Training.MicroBatchSize, Recipe.Training.SequenceLength,
            device: device, sparsity: SparseTraining.Settings(spec, Recipe.Sparsity, device));
    }

    /// <summary>The recipe.</summary>
    public Recipe Recipe { get; }

    /// <summary>The recipe's name.</summary>
    public string Name { get; }

    /// <summary>The architecture.</summary>
    public TransformerSpec Spec { get; }

    /// <summary>The tokenizer; null for synthetic data.</summary>
    public Tokenizer? Tokenizer { get; }

    /// <summary>The data.</summary>
    public DataPipeline Data { get; }

    /// <summary>Folder that the weights start from, or null.</summary>
    public string? ModelFolder { get; }

    /// <summary>Tokens that end a text: the tokenizer's, and those that the model that the weights start from has besides.</summary>
    public IReadOnlyList<int> EosTokenIds { get; }

    /// <summary>The update rule.</summary>
    public OptimizerSettings Optimizer { get; }

    /// <summary>The passes.</summary>
    public PlanOptions PlanOptions { get; }

    /// <summary>The plans.</summary>
    public StepProgram Program { get; }

    /// <summary>The architecture that a recipe names, without opening its data: for forecasts and benchmarks.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="tokenizerSize">Vocabulary of the tokenizer, where it is known.</param>
    public static TransformerSpec ResolveSpec(LoadedRecipe recipe, int? tokenizerSize)
    {
        ModelSection model = recipe.Recipe.Model;
        TransformerSpec? basis = model.Path is { } path ? HuggingFaceFolder.ReadSpec(CheckpointStore.ResolveModelFolder(path, out _))
            : model.Preset is { } preset ? ModelPresets.Get(preset) : null;
        TransformerSpec spec = ModelResolver.Resolve(recipe, basis, tokenizerSize);
        ModelResolver.Validate(recipe, basis, spec);
        return spec;
    }

    /// <summary>Opens what the recipe names. Training a tokenizer and preparing tokens happen here, once per corpus.</summary>
    public static TrainingSetup Open(LoadedRecipe loaded, DeviceProfile device, int threads, Action<string> status, CancellationToken cancellation = default)
    {
        Recipe recipe = loaded.Recipe;
        string? modelFolder = recipe.Model.Path is { } path ? CheckpointStore.ResolveModelFolder(path, out _) : null;
        Tokenizer? tokenizer = TokenizerProvider.Open(recipe, modelFolder, threads, status, cancellation);
        TransformerSpec spec = ResolveSpec(loaded, tokenizer?.VocabSize);
        DataPipeline data = tokenizer is null
            ? DataPipeline.Synthetic(spec.VocabSize, recipe.Training.Seed, recipe.Data)
            : OpenData(recipe, tokenizer, threads, status, cancellation);
        return new TrainingSetup(loaded, device, spec, tokenizer, data, modelFolder);
    }

    /// <inheritdoc/>
    public void Dispose() => Data.Dispose();

    static IReadOnlyList<int> FindEosTokenIds(string? modelFolder, Tokenizer? tokenizer)
    {
        IReadOnlyList<int> ofModel = modelFolder is null ? [] : HuggingFaceFolder.ReadEosTokenIds(modelFolder);
        if (tokenizer is null || ofModel.Contains(tokenizer.EndOfTextId)) return ofModel;
        // Under another tokenizer than the model's, its ids are other tokens.
        return ofModel.Count > 0 && TokenizerProvider.IsOf(modelFolder!, tokenizer) ? [tokenizer.EndOfTextId, .. ofModel] : [tokenizer.EndOfTextId];
    }

    static DataPipeline OpenData(Recipe recipe, Tokenizer tokenizer, int threads, Action<string> status, CancellationToken cancellation)
    {
        DateTime last = DateTime.MinValue;
        DataPipeline data = DataPipeline.Open(recipe.Data, tokenizer, recipe.Training.Seed, threads, progress =>
        {
            if (DateTime.UtcNow - last < TimeSpan.FromSeconds(1)) return;
            last = DateTime.UtcNow;
            status($"tokenising {progress.Source}: {progress.Fraction:P0}, {progress.Tokens:N0} tokens");
        }, cancellation);
        foreach (PreparedCorpus corpus in data.Prepared)
        {
            if (corpus.BadLines > 0) status($"{corpus.BadLines} broken JSON line(s) are left out, the first: {corpus.FirstBadLine}");
            if (corpus.InvalidUtf8Documents > 0) status($"{corpus.InvalidUtf8Documents} document(s) are not valid UTF-8; their bytes are kept as they are");
        }

        return data;
    }
}
