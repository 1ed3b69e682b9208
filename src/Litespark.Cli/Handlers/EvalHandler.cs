using System.Text.Json;
using Litespark.Checkpoints;
using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Data;
using Litespark.Data.Loading;
using Litespark.Inference;
using Litespark.Planning;
using Litespark.Recipes;
using Litespark.Recipes.Schema;
using Litespark.Training;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark eval</c>: on a run's own held-out text, or on other text.</summary>
internal static class EvalHandler
{
    /// <summary>Tokens of a batch where no recipe says more.</summary>
    const int BatchTokens = 2048;

    const string DeviceKey = "engine.device";

    public static int Run(EvalOptions options, CommandContext context)
    {
        LoadedModel model = LoadedModel.Open(options.Checkpoint);
        foreach (PassedOverCheckpoint passed in model.PassedOver) context.Progress.WriteLine($"passed over {passed.Path}: {passed.Reason}");
        LoadedRecipe loaded = FindRecipe(options, model);
        Recipe recipe = loaded.Recipe;
        (int rows, int sequenceLength) = BatchShape(loaded, model);

        using IDevice device = DeviceSelection.Open(Engine(options, recipe), context.Progress.WriteLine);
        using DataPipeline data = OpenData(recipe, model, context);
        long limit = recipe.Evaluation.MaxTokens > 0 ? recipe.Evaluation.MaxTokens : long.MaxValue;
        using ValidationLoader validation = data.CreateValidation(sequenceLength, rows, limit)
            ?? throw new UserErrorException($"{loaded.Name}: holds nothing out (data.validation, data.validation_fraction): name text to evaluate on with --data.");
        using Evaluator evaluator = model.CreateEvaluator(device, rows, sequenceLength, RecipeSettings.Plan(recipe.Engine));

        CancellationToken stop = context.StopRequested;
        EvaluationResult result;
        try
        {
            result = evaluator.Evaluate(validation, new Percentage(context.Progress).Show, stop);
        }
        catch (OperationCanceledException)
        {
            context.Progress.WriteLine("Interrupted: there is no result.");
            return ExitCodes.Interrupted;
        }

        Report(context.Out, result, model.Folder);
        context.Result(writer => WriteMembers(writer, result));
        return ExitCodes.Done;
    }

    /// <summary>The recipe of the run that the model belongs to; for any other model the defaults, with that model.</summary>
    static LoadedRecipe FindRecipe(EvalOptions options, LoadedModel model)
    {
        string folder = Path.GetFullPath(model.Folder);
        string? run = Path.GetFileName(Path.GetDirectoryName(folder)) == CheckpointStore.FolderName ? Path.GetDirectoryName(Path.GetDirectoryName(folder)) : null;
        if (run is not null && Path.Combine(run, RunFolder.RecipeFile) is var file && File.Exists(file)) return RecipeLoader.LoadFile(file, options.Overrides);
        if (!options.Overrides.Any(change => change.Key.StartsWith("data.", StringComparison.Ordinal)))
            throw new UserErrorException($"{options.Checkpoint}: belongs to no run, so there is no held-out text: name some with --data.");
        return RecipeLoader.Load("", options.Checkpoint, [new RecipeOverride("model.path", Kinds.Text.ToYaml(folder), "--checkpoint " + options.Checkpoint), .. options.Overrides]);
    }

    /// <summary>What a run trained on need not be here: it is evaluated on what there is, unless a device is asked for.</summary>
    static EngineSection Engine(EvalOptions options, Recipe recipe)
        => options.Overrides.Any(change => change.Key == DeviceKey) ? recipe.Engine : recipe.Engine with { Device = DeviceChoice.Auto };

    static (int Rows, int SequenceLength) BatchShape(LoadedRecipe loaded, LoadedModel model)
    {
        TrainingSection training = loaded.Recipe.Training;
        int length = loaded.IsSet("training.sequence_length") ? training.SequenceLength : Math.Min(model.Spec.MaxPositionEmbeddings, BatchTokens / 2);
        if (length > model.Spec.MaxPositionEmbeddings)
            throw loaded.Error("training.sequence_length", $"{length} is more than the model's {model.Spec.MaxPositionEmbeddings} positions (max_position_embeddings).");
        return (loaded.IsSet("training.micro_batch_size") ? training.MicroBatchSize : Math.Max(1, BatchTokens / length), length);
    }

    /// <summary>Text that is named for validation alone is all that is prepared; a held-out share needs the whole corpus.</summary>
    static DataPipeline OpenData(Recipe recipe, LoadedModel model, CommandContext context)
    {
        DataOptions data = recipe.Data;
        if (!model.HasTokenizer && data.Validation.Count == 0 && data.EffectiveSource == DataSourceKind.Synthetic)
            return DataPipeline.Synthetic(model.Spec.VocabSize, recipe.Training.Seed, data);
        if (data.Validation.Count > 0) data = data with { Source = DataSourceKind.Synthetic, Train = [], Sources = [] };
        int threads = recipe.Engine.UsableThreads;
        var percentage = new Percentage(context.Progress, "tokenising ");
        return DataPipeline.Open(data, model.Tokenizer, recipe.Training.Seed, threads, progress => percentage.Show(progress.Fraction), context.StopRequested);
    }

    static void Report(TextWriter output, EvaluationResult result, string folder)
    {
        output.WriteLine(folder);
        output.WriteLine($"  loss           {result.Loss:0.0000} nats per token");
        output.WriteLine($"  perplexity     {result.Perplexity:0.00}");
        if (result.BitsPerByte is { } bits) output.WriteLine($"  bits per byte  {bits:0.0000}");
        output.WriteLine($"  over           {result.Tokens:N0} tokens{(result.Bytes is { } bytes ? $", {bytes:N0} bytes of text" : "")}");
    }

    static void WriteMembers(Utf8JsonWriter writer, EvaluationResult result)
    {
        writer.WriteNumber("loss", result.Loss);
        writer.WriteNumber("perplexity", result.Perplexity);
        WriteOptional(writer, "bits_per_byte", result.BitsPerByte);
        writer.WriteNumber("tokens", result.Tokens);
        WriteOptional(writer, "bytes", result.Bytes);
    }

    static void WriteOptional(Utf8JsonWriter writer, string name, double? value)
    {
        if (value is { } number) writer.WriteNumber(name, number);
        else writer.WriteNull(name);
    }
}
