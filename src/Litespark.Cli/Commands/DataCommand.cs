using System.CommandLine;
using Litespark.Recipes;

namespace Litespark.Cli.Commands;

/// <summary>What <c>data prepare</c> was asked to do.</summary>
/// <param name="Recipe">Text, tokenizer and shard size.</param>
/// <param name="Out">Folder of the shards.</param>
internal sealed record DataPrepareOptions(RecipeSelection Recipe, string Out);

/// <summary><c>data prepare|inspect [RECIPE] [--input PATH]… [--tokenizer PATH] [--set key=value]… [--json]</c>.</summary>
internal static class DataCommand
{
    public static Command Create(Func<DataPrepareOptions, CommandContext, int> prepare, Func<RecipeSelection, CommandContext, int> inspect) =>
        new HelpfulCommand("data", "Tokenise text once for many runs, and look at what a recipe trains on.",
            "litespark data inspect my.yaml",
            "litespark data prepare my.yaml --out shards")
        {
            Prepare(prepare),
            Inspect(inspect),
        };

    static HelpfulCommand Prepare(Func<DataPrepareOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("prepare", "Tokenise a recipe's text into shards that travel with their tokenizer.",
            "litespark data prepare my.yaml --out shards",
            "litespark data prepare --input \"books/*.txt\" --set tokenizer.vocab_size=8192 --out shards",
            "litespark train my.yaml --set data.source=shards --set 'data.train=[shards]'      train on them, here or elsewhere");
        var recipe = new TextRecipe(command);
        var output = new Option<string>("--out") { HelpName = "FOLDER", Required = true, Description = "Folder of the shards; it must not exist, or be empty" }.NotEmpty();
        Option<bool> json = Options.Json();
        command.Add(output);
        command.Add(json);
        command.Handle(json, (result, context) => handler(new DataPrepareOptions(recipe.Read(result), result.GetRequiredValue(output)), context));
        return command;
    }

    static HelpfulCommand Inspect(Func<RecipeSelection, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("inspect", "Documents, lengths, tokens per byte and a sample of what a recipe trains on.",
            "litespark data inspect",
            "litespark data inspect --input notes --tokenizer runs/my",
            "litespark data inspect --set data.source=shards --set 'data.train=[shards]'");
        var recipe = new TextRecipe(command);
        Option<bool> json = Options.Json();
        command.Add(json);
        command.Handle(json, (result, context) => handler(recipe.Read(result), context));
        return command;
    }
}

/// <summary>A recipe whose text and tokenizer may be named on the command line.</summary>
internal sealed class TextRecipe
{
    readonly RecipeParameters recipe;
    readonly Option<string[]> input = new Option<string[]>("--input") { HelpName = "PATH", Description = "Text file, folder or glob instead of the recipe's data; may be repeated" }.NotEmpty();
    readonly Option<string?>? tokenizer;

    public TextRecipe(Command command, bool withTokenizer = true)
    {
        recipe = new RecipeParameters(command, withDevice: false);
        command.Add(input);
        if (!withTokenizer) return;
        tokenizer = new Option<string?>("--tokenizer") { HelpName = "PATH", Description = "A tokenizer.json, or a folder or run that holds one; short for --set tokenizer.path=…" }.NotEmpty();
        command.Add(tokenizer);
    }

    public RecipeSelection Read(ParseResult result)
    {
        RecipeSelection selection = recipe.Read(result);
        var overrides = new List<RecipeOverride>(selection.Overrides);
        if (result.GetValue(input) is { Length: > 0 } files)
        {
            string origin = "--input " + string.Join(" --input ", files);
            overrides.Add(new RecipeOverride("data.source", "files", origin));
            overrides.Add(new RecipeOverride("data.train", RecipeOverride.ListOf(files), origin));
            overrides.Add(new RecipeOverride("data.sources", "[]", origin));
        }

        if (tokenizer is not null && result.GetValue(tokenizer) is { } path)
            overrides.Add(new RecipeOverride("tokenizer.path", RecipeOverride.TextOf(TokenizerFolder.Resolve(path)), "--tokenizer " + path));
        return selection with { Overrides = overrides };
    }
}
