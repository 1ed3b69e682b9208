using Litespark.Data;
using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.Recipe>;

namespace Litespark.Recipes;

/// <summary>
/// Everything a run depends on. Immutable: built in code with initialisers and <c>with</c>, or read from YAML by
/// <see cref="RecipeLoader"/>. The defaults here are the defaults of the file.
/// </summary>
public sealed record Recipe
{
    /// <summary>One line about the recipe, shown by <c>litespark recipe list</c>.</summary>
    public string Description { get; init; } = "";

    /// <summary>The architecture.</summary>
    public ModelSection Model { get; init; } = new();

    /// <summary>The tokenizer.</summary>
    public TokenizerSection Tokenizer { get; init; } = new();

    /// <summary>The text or tokens.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>Steps and batches.</summary>
    public TrainingSection Training { get; init; } = new();

    /// <summary>The update rule.</summary>
    public OptimizerSection Optimizer { get; init; } = new();

    /// <summary>The learning rate over time.</summary>
    public ScheduleSection Schedule { get; init; } = new();

    /// <summary>How the step runs.</summary>
    public EngineSection Engine { get; init; } = new();

    /// <summary>Which weights live when, and what attention leaves out.</summary>
    public SparsitySection Sparsity { get; init; } = new();

    /// <summary>Validation.</summary>
    public EvaluationSection Evaluation { get; init; } = new();

    /// <summary>What is saved when.</summary>
    public CheckpointsSection Checkpoints { get; init; } = new();

    /// <summary>What is shown.</summary>
    public LoggingSection Logging { get; init; } = new();

    /// <summary>Joules and carbon.</summary>
    public EnergySection Energy { get; init; } = new();

    /// <summary>Warm-up in steps: <c>schedule.warmup_steps</c>, at most half of the run, so that a short trial needs no other setting.</summary>
    public int WarmupSteps => Math.Min(Schedule.WarmupSteps, Training.MaxSteps / 2);

    /// <summary>The whole recipe as YAML, every key written out; it loads to an equal recipe.</summary>
    /// <param name="commented">Whether each key has its description, type and default above it.</param>
    public string ToYaml(bool commented = true) => RecipeWriter.ToYaml(this, commented);

    internal static readonly Definition<Recipe>[] Definitions =
    [
        Key("description", Kinds.Text, r => r.Description, (r, v) => r with { Description = v }, "One line about the recipe, for 'litespark recipe list'."),
        Section("model", r => r.Model, (r, v) => r with { Model = v }, ModelSection.Definitions,
            "The architecture: a preset, a folder, or the shape itself in the words of Hugging Face's config.json. null = as the preset or the folder has it."),
        Section("tokenizer", r => r.Tokenizer, (r, v) => r with { Tokenizer = v }, TokenizerSection.Definitions, "The tokenizer: one to load, or how to train one."),
        Section("data", r => r.Data, (r, v) => r with { Data = v }, DataSection.Definitions, "The text or the tokens to train on."),
        Section("training", r => r.Training, (r, v) => r with { Training = v }, TrainingSection.Definitions, "Steps and batches."),
        Section("optimizer", r => r.Optimizer, (r, v) => r with { Optimizer = v }, OptimizerSection.Definitions, "The rule that updates the weights."),
        Section("schedule", r => r.Schedule, (r, v) => r with { Schedule = v }, ScheduleSection.Definitions, "The learning rate over time."),
        Section("engine", r => r.Engine, (r, v) => r with { Engine = v }, EngineSection.Definitions, "How the step runs: never what it computes."),
        Section("sparsity", r => r.Sparsity, (r, v) => r with { Sparsity = v }, SparsitySection.Definitions,
            "Sparse training: which blocks of the weights live (products skip dead ones), and which keys attention leaves out."),
        Section("evaluation", r => r.Evaluation, (r, v) => r with { Evaluation = v }, EvaluationSection.Definitions, "Loss and bits per byte on held-out data."),
        Section("checkpoints", r => r.Checkpoints, (r, v) => r with { Checkpoints = v }, CheckpointsSection.Definitions, "What is saved, and when."),
        Section("logging", r => r.Logging, (r, v) => r with { Logging = v }, LoggingSection.Definitions, "What is shown."),
        Section("energy", r => r.Energy, (r, v) => r with { Energy = v }, EnergySection.Definitions, "Joules and carbon."),
    ];

    internal void Visit(IRecipeVisitor visitor)
    {
        var defaults = new Recipe();
        foreach (Definition<Recipe> definition in Definitions) definition.Visit(this, defaults, "", visitor);
    }

    /// <summary>Full dotted names of all keys, in the order of the file.</summary>
    internal static IReadOnlyList<string> KeyPaths()
    {
        var paths = new List<string>();
        new Recipe().Visit(new KeyVisitor(key => paths.Add(key.Path)));
        return paths;
    }
}
