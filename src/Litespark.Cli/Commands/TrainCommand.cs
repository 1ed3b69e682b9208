using System.CommandLine;

namespace Litespark.Cli.Commands;

/// <summary>What <c>train</c> was asked to do.</summary>
/// <param name="Recipe">What to train.</param>
/// <param name="Out">Run folder; null = a new one.</param>
/// <param name="Resume">Go on from the latest whole checkpoint of the run folder.</param>
internal sealed record TrainOptions(RecipeSelection Recipe, string? Out, bool Resume);

/// <summary><c>train [RECIPE] [--set key=value]… [--device …] [--out RUN_FOLDER] [--resume] [--json]</c>.</summary>
internal static class TrainCommand
{
    public static Command Create(Func<TrainOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("train", "Train a model by a recipe.",
            "litespark train                                        the default recipe: about three minutes",
            "litespark train llama-15m --set training.max_steps=200",
            "litespark train my.yaml --out runs/my --resume         go on after an interruption");
        var recipe = new RecipeParameters(command);
        var output = new Option<string?>("--out") { HelpName = "RUN_FOLDER", Description = "Where checkpoints and metrics go; without it a new folder below runs/" }.NotEmpty();
        var resume = new Option<bool>("--resume") { Description = "Go on from the latest whole checkpoint in the run folder" };
        Option<bool> json = Options.Json();
        command.Add(output);
        command.Add(resume);
        command.Add(json);
        command.Handle(json, (result, context) => handler(new TrainOptions(recipe.Read(result), result.GetValue(output), result.GetValue(resume)), context));
        return command;
    }
}
