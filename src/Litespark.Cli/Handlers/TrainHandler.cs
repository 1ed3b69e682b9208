using System.Text.Json;
using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Energy;
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
        if (options.Resume) CheckpointFit.RequireSameModel(run, recipe);
        else RunFolder.RequireUnused(run);
        using IDevice device = DeviceSelection.Open(recipe.Recipe.Engine, context.Progress.WriteLine);
        recipe = DeviceSelection.Settle(recipe, device);
        // What the recipe asks of the machine is refused before an hour of preparing data, not after it.
        using (EnergyMeters.Open(RecipeSettings.RunEnergy(recipe.Recipe.Energy, device))) { }
        LiveClocks.RequirePossible(recipe.Recipe.Energy, device);
        using var progress = new ConsoleProgress();
        if (OpenSetup(recipe, device.Profile, context, stop) is not { } opened) return ExitCodes.Interrupted;
        using TrainingSetup setup = opened;
        var settings = new TrainerOptions
        {
            Run = run,
            Resume = options.Resume,
            StopRequested = stop,
            StartClockWatchdog = EnergyClocksHandler.StartWatchdog,
            Sample = setup.Tokenizer is { } tokenizer ? new SampleWriter(device, setup.Spec, tokenizer, setup.Recipe).Write : null,
        };
        if (MemoryGuard.Check(device, setup.Recipe, MemoryForecast.Of(setup.Program)) is { } tight) context.Progress.WriteLine("warning: " + tight);
        using var trainer = new Trainer(setup, device, settings, progress);
        TrainingSummary summary = trainer.Run();
        context.Result(writer => WriteMembers(writer, summary));
        return summary.Outcome == TrainingOutcome.Interrupted ? ExitCodes.Interrupted : ExitCodes.Done;
    }

    /// <summary>Tokenizer and data; null where the user stopped while they were made.</summary>
    static TrainingSetup? OpenSetup(LoadedRecipe recipe, DeviceProfile device, CommandContext context, CancellationToken stop)
    {
        try
        {
            return TrainingSetup.Open(recipe, device, recipe.Recipe.Engine.UsableThreads, context.Progress.WriteLine, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            context.Progress.WriteLine("Stopped while the data was prepared: no step was made, and the same command starts again.");
            return null;
        }
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
            ?? throw new UserErrorException($"There is no run{(options.Recipe.Name is { } name ? $" of '{name}'" : "")} below runs/ to resume; {(options.Recipe.Name is { } folder && Directory.Exists(folder) ? $"did you mean --resume --out {folder}?" : "name its folder with --out, or start one without --resume.")}");
        string saved = Path.Combine(run, RunFolder.RecipeFile);
        if (options.Recipe.Name is not null)
        {
            LoadedRecipe named = options.Recipe.Load();
            return (File.Exists(saved) ? DeviceSelection.Continue(named, RecipeLoader.LoadFile(saved).Recipe) : named, run);
        }

        if (!File.Exists(saved))
            throw new UserErrorException($"{run}: there is no run to resume in this folder (it holds no {RunFolder.RecipeFile}); give the folder of a run with --out, or name the recipe to start one.");
        LoadedRecipe recipe = RecipeLoader.LoadFile(saved, options.Recipe.Overrides);
        return (options.Recipe.Overrides.Any(change => change.Key == "engine.device") ? recipe : DeviceSelection.Continue(recipe, recipe.Recipe), run);
    }

    static void WriteMembers(Utf8JsonWriter writer, TrainingSummary summary)
    {
        using JsonDocument document = JsonDocument.Parse(summary.ToJson());
        foreach (JsonProperty property in document.RootElement.EnumerateObject()) property.WriteTo(writer);
    }
}
