using System.CommandLine;
using Litespark.Recipes;

namespace Litespark.Cli.Commands;

/// <summary>What <c>tokenizer train</c> was asked to do.</summary>
/// <param name="Recipe">Text and options.</param>
/// <param name="Out">Folder to write.</param>
internal sealed record TokenizerTrainOptions(RecipeSelection Recipe, string Out);

/// <summary>What <c>tokenizer encode</c> was asked to do.</summary>
/// <param name="Tokenizer">Path of the tokenizer.</param>
/// <param name="Text">The text; null = standard input or the file.</param>
/// <param name="File">File to read instead; null = none.</param>
/// <param name="Special">Special tokens are read and added.</param>
internal sealed record TokenizerEncodeOptions(string Tokenizer, string? Text, string? File, bool Special);

/// <summary>What <c>tokenizer decode</c> was asked to do.</summary>
/// <param name="Tokenizer">Path of the tokenizer.</param>
/// <param name="Ids">Token ids as typed; empty = standard input.</param>
/// <param name="SkipSpecial">Special tokens are left out.</param>
internal sealed record TokenizerDecodeOptions(string Tokenizer, IReadOnlyList<string> Ids, bool SkipSpecial);

/// <summary><c>tokenizer train|encode|decode</c>.</summary>
internal static class TokenizerCommand
{
    public static Command Create(
        Func<TokenizerTrainOptions, CommandContext, int> train, Func<TokenizerEncodeOptions, CommandContext, int> encode, Func<TokenizerDecodeOptions, CommandContext, int> decode) =>
        new HelpfulCommand("tokenizer", "Train a tokenizer, and turn text into tokens and back.",
            "litespark tokenizer train --input \"books/*.txt\" --vocab-size 8192 --out my-tokenizer",
            "litespark tokenizer encode --tokenizer my-tokenizer \"Returns the\"")
        {
            Train(train),
            Encode(encode),
            Decode(decode),
        };

    static HelpfulCommand Train(Func<TokenizerTrainOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("train", "Learn a byte-level BPE vocabulary from a recipe's text.",
            "litespark tokenizer train --input \"books/*.txt\" --vocab-size 8192 --out my-tokenizer",
            "litespark tokenizer train my.yaml --set tokenizer.train_bytes=0 --out my-tokenizer",
            "litespark train my.yaml --set tokenizer.path=my-tokenizer");
        var recipe = new TextRecipe(command, withTokenizer: false);
        Option<int?> size = Options.OptionalNumber<int>("--vocab-size", "N", "Tokens in all; short for --set tokenizer.vocab_size=N", n => n > 256, "a whole number above 256");
        var output = new Option<string>("--out") { HelpName = "FOLDER", Required = true, Description = "Folder to write; it must not exist, or be empty" }.NotEmpty();
        Option<bool> json = Options.Json();
        foreach (Option option in new Option[] { size, output, json }) command.Add(option);
        command.Handle(json, (result, context) =>
        {
            RecipeSelection selection = recipe.Read(result);
            if (result.GetValue(size) is { } tokens)
                selection = selection with { Overrides = [.. selection.Overrides, new RecipeOverride("tokenizer.vocab_size", $"{tokens}", $"--vocab-size {tokens}")] };
            return handler(new TokenizerTrainOptions(selection, result.GetRequiredValue(output)), context);
        });
        return command;
    }

    static HelpfulCommand Encode(Func<TokenizerEncodeOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("encode", "Print the token ids of a text.",
            "litespark tokenizer encode --tokenizer runs/my \"Returns the\"",
            "litespark tokenizer encode --tokenizer runs/my < book.txt");
        Option<string> tokenizer = Tokenizer();
        var text = new Argument<string?>("TEXT") { Arity = ArgumentArity.ZeroOrOne, Description = "The text; without it --file or standard input" };
        var file = new Option<string?>("--file") { HelpName = "FILE", Description = "File to read" }.NotEmpty();
        var special = new Option<bool>("--special") { Description = "Read special tokens written in the text, and put those around it that the tokenizer wants; without it all is text" };
        Option<bool> json = Options.Json();
        Options.RefuseOptions(text);
        command.Add(text);
        foreach (Option option in new Option[] { tokenizer, file, special, json }) command.Add(option);
        command.Handle(json, (result, context) =>
            handler(new TokenizerEncodeOptions(result.GetRequiredValue(tokenizer), result.GetValue(text), result.GetValue(file), result.GetValue(special)), context));
        return command;
    }

    static HelpfulCommand Decode(Func<TokenizerDecodeOptions, CommandContext, int> handler)
    {
        var command = new HelpfulCommand("decode", "Print the text of token ids.",
            "litespark tokenizer decode --tokenizer runs/my 310 257 1024",
            "litespark tokenizer encode --tokenizer runs/my < book.txt | litespark tokenizer decode --tokenizer runs/my");
        Option<string> tokenizer = Tokenizer();
        var ids = new Argument<string[]>("ID") { Arity = ArgumentArity.ZeroOrMore, Description = "Token ids; without them standard input, separated by spaces, commas or line breaks" };
        var skip = new Option<bool>("--skip-special") { Description = "Leave special tokens out" };
        Option<bool> json = Options.Json();
        Options.RefuseOptions(ids);
        command.Add(ids);
        foreach (Option option in new Option[] { tokenizer, skip, json }) command.Add(option);
        command.Handle(json, (result, context) =>
            handler(new TokenizerDecodeOptions(result.GetRequiredValue(tokenizer), result.GetValue(ids) ?? [], result.GetValue(skip)), context));
        return command;
    }

    static Option<string> Tokenizer() => new Option<string>("--tokenizer") { HelpName = "PATH", Required = true, Description = "A tokenizer.json, or a folder or run that holds one" }.NotEmpty();
}
