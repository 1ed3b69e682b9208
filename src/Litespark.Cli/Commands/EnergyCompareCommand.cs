using System.CommandLine;
using Litespark.Benchmarking;

namespace Litespark.Cli.Commands;

/// <summary>What <c>energy compare</c> was asked to do.</summary>
/// <param name="Runs">Two run folders; empty to measure a recipe's plans.</param>
/// <param name="Recipe">The recipe whose plans are measured; null for runs.</param>
/// <param name="Windows">Windows of each plan.</param>
/// <param name="WindowSeconds">Length of a window; null for what suits the meter.</param>
/// <param name="Tokens">Tokens that energy and carbon are extrapolated to.</param>
internal sealed record EnergyCompareOptions(IReadOnlyList<string> Runs, RecipeSelection? Recipe, int Windows, double? WindowSeconds, double Tokens);

/// <summary><c>energy compare RUN_A RUN_B</c>, <c>energy compare --plans RECIPE</c>.</summary>
internal static class EnergyCompareCommand
{
    /// <summary>The Litespark report's tables are for 500 billion tokens.</summary>
    const double ReportTokens = 500e9;

    public static Command Create(Func<EnergyCompareOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("compare", "Two runs, or both plans of a recipe: tokens/s, joules per token, watts, and the saving where energy was measured.",
            "litespark energy compare runs/baseline runs/litespark",
            "litespark energy compare --plans llama-15m --windows 10",
            "litespark energy compare runs/a runs/b --tokens 1e12");
        var runs = new Argument<string[]>("RUN") { Arity = new ArgumentArity(0, 2), Description = "Two run folders: what is compared with, and what is compared" };
        Options.RefuseOptions(runs);
        var plans = new Option<string?>("--plans") { HelpName = "RECIPE", Description = "Measure the baseline and the litespark plan of a recipe in turns instead" };
        var set = new Option<string[]>("--set") { HelpName = "KEY=VALUE", Description = "Change a key of the recipe; may be repeated" };
        var device = new Option<string?>("--device") { HelpName = "cpu|cuda|auto", Description = "Where to measure plans" };
        device.AcceptOnlyFromAmong("cpu", "cuda", "auto");
        Option<int> windows = Options.Number("--windows", "N", "Windows of each plan", PlanEnergy.DefaultWindows, value => value is >= 1 and <= 1000, "a number from 1 to 1000");
        Option<double?> window = Options.OptionalNumber<double>("--window", "SECONDS", "Length of a window; without it what suits the meter", value => value > 0 && double.IsFinite(value), "a number of seconds above 0");
        Option<double> tokens = Options.Number("--tokens", "N", "Tokens that energy and carbon are extrapolated to", ReportTokens, value => value > 0 && double.IsFinite(value), "a number above 0");
        Option<bool> json = Options.Json();
        command.Add(runs);
        foreach (Option option in (Option[])[plans, set, device, windows, window, tokens, json]) command.Add(option);
        command.Handle(json, (result, context) =>
        {
            string[] folders = result.GetValue(runs) ?? [];
            string? name = result.GetValue(plans);
            if (name is null ? folders.Length != 2 : folders.Length != 0)
                throw new UserErrorException("energy compare takes two run folders, or --plans RECIPE; see 'litespark energy compare --help'.");
            RecipeSelection? recipe = name is null ? null : RecipeParameters.Selection(name, result.GetValue(set), result.GetValue(device));
            return handler(new EnergyCompareOptions(folders, recipe, result.GetValue(windows), result.GetValue(window), result.GetValue(tokens)), context);
        });
        return command;
    }
}
