using System.CommandLine;

namespace Litespark.Cli.Commands;

/// <summary><c>plan [RECIPE] [--set key=value]… [--device …] [--json]</c>.</summary>
internal static class PlanCommand
{
    public static Command Create(Func<RecipeSelection, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("plan", "Show parameters, memory, FLOPs and time of a recipe's step before anything is allocated.",
            "litespark plan llama-110m",
            "litespark plan --set model.preset=litespark-30b --set training.sequence_length=4096 --set training.global_batch_tokens=null",
            "litespark plan llama-110m --set training.micro_batch_size=4 --set engine.recompute=full");
        var recipe = new RecipeParameters(command);
        Option<bool> json = Options.Json();
        command.Add(json);
        command.Handle(json, (result, context) => handler(recipe.Read(result), context));
        return command;
    }
}
