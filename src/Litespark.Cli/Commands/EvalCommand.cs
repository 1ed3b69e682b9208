using System.CommandLine;
using Litespark.Recipes;

namespace Litespark.Cli.Commands;

/// <summary>What <c>eval</c> was asked to do.</summary>
/// <param name="Checkpoint">Run, checkpoint or Hugging Face folder.</param>
/// <param name="Overrides">Changes of the run's recipe (data, evaluation, device).</param>
internal sealed record EvalOptions(string Checkpoint, IReadOnlyList<RecipeOverride> Overrides);

/// <summary><c>eval --checkpoint PATH [--data FILE]… [--max-tokens N] [--set key=value]… [--device …] [--json]</c>.</summary>
internal static class EvalCommand
{
    public static Command Create(Func<EvalOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("eval", "Loss, perplexity and bits per byte of a model on held-out text.",
            "litespark eval --checkpoint runs/my",
            "litespark eval --checkpoint runs/my --data \"books/*.txt\" --max-tokens 100000");
        Option<string> checkpoint = Options.Checkpoint();
        var data = new Option<string[]>("--data") { HelpName = "FILE", Description = "File, folder or glob to evaluate on instead of the run's validation data; may be repeated" }.NotEmpty();
        Option<int?> maxTokens = Options.OptionalNumber<int>("--max-tokens", "N", "Tokens to evaluate on; 0 = all", n => n >= 0, "a whole number, 0 or more");
        var set = new Option<string[]>("--set") { HelpName = "KEY=VALUE", Description = "Change a key of the run's recipe; may be repeated" };
        var device = new Option<string?>("--device") { HelpName = "cpu|cuda|auto", Description = "Where to run" };
        device.AcceptOnlyFromAmong("cpu", "cuda", "auto");
        Option<bool> json = Options.Json();
        foreach (Option option in new Option[] { checkpoint, data, maxTokens, set, device, json }) command.Add(option);
        command.Handle(json, (result, context) =>
        {
            var overrides = new List<RecipeOverride>();
            if (result.GetValue(data) is { Length: > 0 } files)
            {
                string origin = "--data " + string.Join(" --data ", files);
                overrides.Add(new RecipeOverride("data.source", "files", origin));
                overrides.Add(new RecipeOverride("data.validation", RecipeOverride.ListOf(files), origin));
                overrides.Add(new RecipeOverride("data.train", RecipeOverride.ListOf(files), origin));
                overrides.Add(new RecipeOverride("data.sources", "[]", origin));
            }
            if (result.GetValue(maxTokens) is { } limit) overrides.Add(new RecipeOverride("evaluation.max_tokens", $"{limit}", $"--max-tokens {limit}"));
            overrides.AddRange((result.GetValue(set) ?? []).Select(RecipeOverride.Parse));
            if (result.GetValue(device) is { } chosen) overrides.Add(new RecipeOverride("engine.device", chosen, "--device " + chosen));
            return handler(new EvalOptions(result.GetRequiredValue(checkpoint), overrides), context);
        });
        return command;
    }
}
