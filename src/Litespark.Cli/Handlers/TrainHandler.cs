using System.Text.Json;
using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Inference;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Reporting;
using Litespark.Training;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark train</c>.</summary>
internal static class TrainHandler
{
    public static int Run(TrainOptions options, CommandContext context)
    {
        CancellationToken stop = context.StopRequested;
        (LoadedRecipe recipe, string run) = Resolve(options);
        using IDevice device = DeviceSelection.Open(recipe.Recipe.Engine);
        using var progress = new ConsoleProgress();
        using TrainingSetup setup = TrainingSetup.Open(recipe, recipe.Recipe.Engine.UsableThreads, context.Progress.WriteLine, stop);
        var settings = new TrainerOptions
        {
            Run = run,
            Resume = options.Resume,
            StopRequested = stop,
            Sample = setup.Tokenizer is { } tokenizer ? new SampleWriter(device, setup.Spec, tokenizer, setup.Recipe).Write : null,
        };
        using var trainer = new Trainer(setup, device, settings, progress);
        TrainingSummary summary = trainer.Run();
        context.Result(writer => WriteMembers(writer, summary));
        return summary.Outcome == TrainingOutcome.Interrupted ? ExitCodes.Interrupted : ExitCodes.Done;
    }

    /// <summary>
    /// The recipe and the run folder. A run that is resumed without naming a recipe uses the one saved with it;
    /// without a folder, the newest run of the recipe goes on.
    /// </summary>
    static (LoadedRecipe Recipe, string Run) Resolve(TrainOptions options)
    {
        if (!options.Resume)
        {
            LoadedRecipe fresh = options.Recipe.Load();
            return (fresh, options.Out ?? RunFolder.NewPath(fresh.Name));
        }

        string run = options.Out ?? RunFolder.FindLatest(options.Recipe.Name)
            ?? throw new UserErrorException($"There is no run{(options.Recipe.Name is { } name ? $" of '{name}'" : "")} below runs/ to resume; name its folder with --out, or start one without --resume.");
        string saved = Path.Combine(run, RunFolder.RecipeFile);
        if (options.Recipe.Name is null && File.Exists(saved)) return (RecipeLoader.LoadFile(saved, options.Recipe.Overrides), run);
        return (options.Recipe.Load(), run);
    }

    static void WriteMembers(Utf8JsonWriter writer, TrainingSummary summary)
    {
        using JsonDocument document = JsonDocument.Parse(summary.ToJson());
        foreach (JsonProperty property in document.RootElement.EnumerateObject()) property.WriteTo(writer);
    }
}
