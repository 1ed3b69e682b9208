using System.CommandLine;

namespace Litespark.Cli.Commands;

/// <summary>What <c>bench</c> was asked to do.</summary>
/// <param name="Recipe">What to measure; without a name llama-15m on synthetic tokens.</param>
/// <param name="Thorough">Measure longer, for steadier figures.</param>
internal sealed record BenchOptions(RecipeSelection Recipe, bool Thorough);

/// <summary><c>bench [RECIPE] [--set key=value]… [--device …] [--thorough] [--json]</c>.</summary>
internal static class BenchCommand
{
    public static Command Create(Func<BenchOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("bench", "Measure the baseline and the litespark plan in turns, each pass's share, and every kernel: steps of one micro-batch of random tokens and the update.",
            "litespark bench                                           llama-15m, sequence 512: under a minute",
            "litespark bench my.yaml --set engine.passes.fused_norm=false",
            "litespark bench llama-110m --thorough --json > result.json");
        var recipe = new RecipeParameters(command, "llama-15m on synthetic tokens");
        var thorough = new Option<bool>("--thorough") { Description = "Measure longer, for steadier figures" };
        Option<bool> json = Options.Json();
        command.Add(thorough);
        command.Add(json);
        command.Handle(json, (result, context) => handler(new BenchOptions(recipe.Read(result), result.GetValue(thorough)), context));
        return command;
    }
}
