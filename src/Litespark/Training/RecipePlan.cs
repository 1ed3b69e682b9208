using Litespark.Checkpoints;
using Litespark.Models;
using Litespark.Planning;
using Litespark.Planning.Passes;
using Litespark.Recipes;

namespace Litespark.Training;

/// <summary>A recipe's architecture and training program, built without its data, its weights or any tensor.</summary>
public sealed class RecipePlan
{
    RecipePlan(Recipe recipe, TransformerSpec spec, StepProgram program) => (Recipe, Spec, Program) = (recipe, spec, program);

    /// <summary>The recipe.</summary>
    public Recipe Recipe { get; }

    /// <summary>The architecture.</summary>
    public TransformerSpec Spec { get; }

    /// <summary>The plans.</summary>
    public StepProgram Program { get; }

    /// <summary>
    /// Builds a recipe's program. The vocabulary is that of the tokenizer where one exists already; one still to be trained is
    /// taken to become as large as the recipe asks.
    /// </summary>
    /// <exception cref="UserErrorException">The recipe's model is impossible or not to be found.</exception>
    public static RecipePlan Of(LoadedRecipe loaded)
    {
        Recipe recipe = loaded.Recipe;
        TransformerSpec spec = ResolveSpec(loaded);
        StepProgram program = ProgramBuilder.Training(
            Transformer.Function(spec), RecipeSettings.Plan(recipe.Engine), RecipeSettings.Optimizer(recipe.Optimizer), recipe.Training.MicroBatchSize, recipe.Training.SequenceLength);
        return new RecipePlan(recipe, spec, program);
    }

    /// <summary>The report on a device.</summary>
    public PlanReport Report(Roofline roofline)
    {
        TrainingSection training = Recipe.Training;
        return new PlanReport(Program, roofline, training.GradientAccumulationSteps, training.MicroBatchTokens, ParameterCatalog.FlopsPerToken(Spec, training.SequenceLength));
    }

    /// <summary>What would make the program fit where it does not; null where it does.</summary>
    /// <param name="memory">The program's memory.</param>
    /// <param name="available">Bytes to be had.</param>
    public string? Shortage(MemoryForecast memory, long available)
    {
        if (memory.Total <= available) return null;
        var keys = new List<string>();
        if (Recipe.Training.MicroBatchSize > 1) keys.Add("a smaller training.micro_batch_size (gradients are accumulated, the result stays)");
        if (Recipe.Engine.Recompute != RecomputeMode.Full) keys.Add("engine.recompute: full");
        if (Recipe.Engine.Plan != PlanName.Litespark) keys.Add("engine.plan: litespark");
        keys.Add("a shorter training.sequence_length");
        long fixedBytes = memory.Weights + memory.Gradients + memory.Optimizer;
        string help = fixedBytes > available ? $"Weights, gradients and moments alone take {Gigabytes(fixedBytes)}: only a smaller model or a larger machine helps." : $"What helps: {string.Join(", ", keys)}.";
        return $"The program needs {Gigabytes(memory.Total)}, and {Gigabytes(available)} are free. {help}";
    }

    internal static TransformerSpec ResolveSpec(LoadedRecipe loaded)
    {
        string? modelFolder = loaded.Recipe.Model.Path is { } path ? CheckpointStore.ResolveModelFolder(path, out _) : null;
        return TrainingSetup.ResolveSpec(loaded, TokenizerProvider.ExpectedSize(loaded.Recipe, modelFolder));
    }

    static string Gigabytes(long bytes) => $"{bytes / 1e9:0.0} GB";
}
