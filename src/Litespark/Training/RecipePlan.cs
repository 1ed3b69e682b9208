using Litespark.Checkpoints;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Planning.Passes;
using Litespark.Recipes;
using Litespark.Training.Sparsity;

namespace Litespark.Training;

/// <summary>A recipe's architecture and training program, built without its data, its weights or any tensor.</summary>
public sealed class RecipePlan
{
    RecipePlan(Recipe recipe, TransformerSpec spec, StepProgram program) => (Recipe, Spec, Program) = (recipe, spec, program);

    /// <summary>Whether the vocabulary is that of a tokenizer still to be trained, which with little text becomes smaller; so does the plan.</summary>
    public bool IsVocabularyForecast { get; private init; }

    /// <summary>What of the recipe is not here and had to be assumed; null where nothing was.</summary>
    public string? Assumption { get; private init; }

    /// <summary>The recipe.</summary>
    public Recipe Recipe { get; }

    /// <summary>The architecture.</summary>
    public TransformerSpec Spec { get; }

    /// <summary>The plans.</summary>
    public StepProgram Program { get; }

    /// <summary>
    /// Builds a recipe's program. The vocabulary is that of the tokenizer where one exists already; one still to be trained is
    /// taken to become as large as the recipe asks. A tokenizer file that is not here is not needed where the model's vocabulary is known without it.
    /// </summary>
    /// <exception cref="UserErrorException">The recipe's model is impossible or not to be found.</exception>
    public static RecipePlan Of(LoadedRecipe loaded, DeviceProfile device)
    {
        Recipe recipe = loaded.Recipe;
        ModelSection model = recipe.Model;
        bool hasVocabulary = model.VocabSize is not null || (model.Preset ?? model.Path) is not null;
        string? missing = hasVocabulary ? TokenizerProvider.MissingFile(recipe) : null;
        ExpectedVocabulary vocabulary = missing is null ? Vocabulary(recipe) : default;
        TransformerSpec spec = TrainingSetup.ResolveSpec(loaded, vocabulary.Size);
        StepProgram program = ProgramBuilder.Training(
            Transformer.Function(spec), RecipeSettings.Plan(recipe.Engine), RecipeSettings.Optimizer(recipe.Optimizer), recipe.Training.MicroBatchSize, recipe.Training.SequenceLength, device: device,
            sparsity: SparseTraining.Settings(spec, recipe.Sparsity, device));
        return new RecipePlan(recipe, spec, program)
        {
            IsVocabularyForecast = vocabulary.IsForecast && model.VocabSize is null && model.Path is null,
            Assumption = missing is null ? Sparse(recipe)
                : $"tokenizer.path: {missing} is not here; the vocabulary is taken to be the model's {spec.VocabSize:N0} ({(model.VocabSize is null ? model.Preset ?? model.Path : "model.vocab_size")}).",
        };
    }

    static string? Sparse(Recipe recipe) => recipe.Sparsity.Method == SparsityMethod.None && !HybridAttention.IsWanted(recipe.Sparsity) ? null
        : "sparsity: time, FLOPs and energy are those of a dense step, with every block and key alive; a run takes less.";

    /// <summary>The report on a device.</summary>
    public PlanReport Report(Roofline roofline)
    {
        TrainingSection training = Recipe.Training;
        return new PlanReport(Program, roofline, training.GradientAccumulationSteps, training.MicroBatchTokens, ParameterCatalog.FlopsPerToken(Spec, training.SequenceLength));
    }

    /// <summary>What would make the program fit where it does not; null where it does.</summary>
    /// <param name="memory">The program's memory.</param>
    /// <param name="available">Bytes to be had.</param>
    public string? Shortage(MemoryForecast memory, long available) => Shortage(Recipe, memory, available);

    /// <inheritdoc cref="Shortage(MemoryForecast, long)"/>
    internal static string? Shortage(Recipe recipe, MemoryForecast memory, long available, string what = "The program needs", string where = "")
    {
        if (memory.Total <= available) return null;
        var keys = new List<string>();
        if (recipe.Training.MicroBatchSize > 1) keys.Add("a smaller training.micro_batch_size (gradients are accumulated, the result stays)");
        if (recipe.Engine.Recompute != RecomputeMode.Full) keys.Add("engine.recompute: full");
        if (recipe.Engine.Plan != PlanName.Litespark) keys.Add("engine.plan: litespark");
        keys.Add("a shorter training.sequence_length");
        long fixedBytes = memory.Weights + memory.Gradients + memory.Optimizer;
        string help = fixedBytes > available ? $"Weights, gradients and moments alone take {Gigabytes(fixedBytes)}: only a smaller model or a larger machine helps." : $"What helps: {string.Join(", ", keys)}.";
        return $"{what} {Gigabytes(memory.Total)}, and {Gigabytes(available)} are free{where}. {help}";
    }

    internal static TransformerSpec ResolveSpec(LoadedRecipe loaded) => TrainingSetup.ResolveSpec(loaded, Vocabulary(loaded.Recipe).Size);

    /// <summary>What to call a recipe's model: its preset, if need be as changed by the recipe; without one the recipe. Vocabulary and positions follow from the data.</summary>
    internal static string ModelName(LoadedRecipe loaded, TransformerSpec spec)
    {
        if (loaded.Recipe.Model.Preset is not { } preset) return loaded.ShortName;
        TransformerSpec basis = ModelPresets.Get(preset);
        return spec with { VocabSize = basis.VocabSize, MaxPositionEmbeddings = basis.MaxPositionEmbeddings } == basis ? preset : preset + ", changed";
    }

    static ExpectedVocabulary Vocabulary(Recipe recipe)
        => TokenizerProvider.ExpectedSize(recipe, recipe.Model.Path is { } path ? CheckpointStore.ResolveModelFolder(path, out _) : null);

    internal static string Gigabytes(long bytes) => $"{bytes / 1e9:0.0} GB";
}
