using System.Globalization;
using System.Text;
using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Recipes;
using Litespark.Tokenization;
using Litespark.Training;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark tokenizer train|encode|decode</c>.</summary>
internal static class TokenizerHandler
{
    static readonly char[] Separators = [' ', ',', '\t', '\r', '\n', '[', ']'];

    public static int Train(TokenizerTrainOptions options, CommandContext context)
    {
        Recipe recipe = options.Recipe.Load().Recipe;
        EmptyFolder.Require(options.Out);
        Tokenizer trained = TokenizerProvider.Train(recipe, recipe.Engine.UsableThreads, new ReadingProgress(context.Progress).Report, context.StopRequested);
        try
        {
            trained.Save(options.Out);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{options.Out}: cannot be written: {error.Message} Give another folder with --out.", error);
        }

        int wanted = recipe.Tokenizer.VocabSize;
        if (trained.VocabSize < wanted) context.Progress.WriteLine($"warning: {trained.VocabSize:N0} of {wanted:N0} tokens: the text holds no more pairs that occur often");
        context.Out.WriteLine($"{options.Out}: {trained.VocabSize:N0} tokens");
        context.Out.WriteLine($"use it:  ./litespark train --set tokenizer.path={options.Out}");
        context.Result(writer =>
        {
            writer.WriteString("out", options.Out);
            writer.WriteNumber("vocab_size", trained.VocabSize);
            writer.WriteString("fingerprint", trained.Fingerprint);
        });
        return ExitCodes.Done;
    }

    public static int Encode(TokenizerEncodeOptions options, CommandContext context)
    {
        if (options is { Text: not null, File: not null }) throw new UserErrorException("a text and --file are both given; keep one of them.");
        Tokenizer tokenizer = Tokenizer.Load(TokenizerFolder.Resolve(options.Tokenizer));
        byte[] text = options.Text is { } typed ? Encoding.UTF8.GetBytes(typed) : options.File is { } file ? ReadFile(file) : ReadInput();
        List<int> tokens = [];
        if (options.Special) tokens.AddRange(tokenizer.Encode(Encoding.UTF8.GetString(text)));
        else tokenizer.Encode(text, tokens);
        if (!context.Json) context.Out.WriteLine(string.Join(' ', tokens));
        context.Result(writer =>
        {
            writer.WriteStartArray("tokens");
            foreach (int token in tokens) writer.WriteNumberValue(token);
            writer.WriteEndArray();
            writer.WriteNumber("count", tokens.Count);
        });
        return ExitCodes.Done;
    }

    public static int Decode(TokenizerDecodeOptions options, CommandContext context)
    {
        Tokenizer tokenizer = Tokenizer.Load(TokenizerFolder.Resolve(options.Tokenizer));
        IEnumerable<string> words = options.Ids.Count > 0 ? options.Ids : [Encoding.UTF8.GetString(ReadInput())];
        int[] tokens = [.. words.SelectMany(word => word.Split(Separators, StringSplitOptions.RemoveEmptyEntries)).Select(word => ParseId(word, tokenizer.VocabSize))];
        string text = tokenizer.Decode(tokens, options.SkipSpecial);
        if (!context.Json) context.Out.WriteLine(text);
        context.Result(writer => writer.WriteString("text", text));
        return ExitCodes.Done;
    }

    static int ParseId(string word, int vocabSize) =>
        int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id < vocabSize ? id
            : throw new UserErrorException($"'{word}' is no token of this tokenizer; ids are whole numbers from 0 to {vocabSize - 1}.");

    static byte[] ReadFile(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be read: {error.Message}", error);
        }
    }

    static byte[] ReadInput()
    {
        using Stream input = Console.OpenStandardInput();
        using var bytes = new MemoryStream();
        input.CopyTo(bytes);
        return bytes.ToArray();
    }
}
