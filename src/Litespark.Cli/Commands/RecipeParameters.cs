using System.CommandLine;
using Litespark.Cli.Recipes;
using Litespark.Recipes;

namespace Litespark.Cli.Commands;

/// <summary>The recipe a user chose, with the changes asked for; not read yet.</summary>
/// <param name="Name">File or shipped name; null = none was given.</param>
/// <param name="Overrides">From <c>--set</c> and <c>--device</c>, in order.</param>
internal sealed record RecipeSelection(string? Name, IReadOnlyList<RecipeOverride> Overrides)
{
    /// <summary>Reads and checks the recipe.</summary>
    /// <param name="fallback">What to read where the user named none.</param>
    /// <exception cref="UserErrorException">It does not exist or is not valid.</exception>
    public LoadedRecipe Load(string fallback = "default") => ShippedRecipes.Load(Name ?? fallback, Overrides);
}

/// <summary><c>[RECIPE] [--set key=value]… [--device …]</c>, the same for every command that takes a recipe.</summary>
internal sealed class RecipeParameters
{
    readonly Argument<string?> recipe;
    readonly Option<string[]> set = new("--set")
    {
        HelpName = "KEY=VALUE",
        Description = "Change a key of the recipe, as in --set training.max_steps=100; may be repeated",
    };
    readonly Option<string?>? device;

    public RecipeParameters(Command command, string fallback = "default", bool withDevice = true)
    {
        recipe = new Argument<string?>("RECIPE")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = $"A recipe file, or the name of a shipped recipe (see 'litespark recipe list'); without it {fallback}",
        };
        Options.RefuseOptions(recipe);
        command.Add(recipe);
        command.Add(set);
        if (!withDevice) return;
        device = new Option<string?>("--device") { HelpName = "cpu|cuda|auto", Description = "Where to run; short for --set engine.device=…" };
        device.AcceptOnlyFromAmong("cpu", "cuda", "auto");
        command.Add(device);
    }

    public RecipeSelection Read(ParseResult result) => Selection(result.GetValue(recipe), result.GetValue(set), device is null ? null : result.GetValue(device));

    /// <summary>A recipe with the changes of <c>--set</c> and <c>--device</c>.</summary>
    public static RecipeSelection Selection(string? recipe, string[]? set, string? device)
    {
        List<RecipeOverride> overrides = [.. (set ?? []).Select(RecipeOverride.Parse)];
        if (device is not null) overrides.Add(new RecipeOverride("engine.device", device, "--device " + device));
        return new RecipeSelection(recipe, overrides);
    }
}
