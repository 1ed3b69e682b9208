using Litespark.Checkpoints;
using Litespark.Cli.Commands;
using Litespark.Cli.Progress;
using Litespark.Data;
using Litespark.Recipes;
using Litespark.Tokenization;
using Litespark.Training;

namespace Litespark.Cli.Handlers;

/// <summary>Carries out <c>litespark data prepare</c> and <c>litespark data inspect</c>.</summary>
internal static class DataHandler
{
    public static int Prepare(DataPrepareOptions options, CommandContext context)
    {
        Recipe recipe = options.Recipe.Load().Recipe;
        EmptyFolder.Require(options.Out);
        DataOptions data = recipe.Data;
        Tokenizer tokenizer = OpenTokenizer(recipe, context);
        IReadOnlyList<PreparedCorpus> prepared = ShardPreparer.Prepare(data, tokenizer, options.Out, recipe.Engine.UsableThreads, new ReadingProgress(context.Progress).Report, context.StopRequested);
        tokenizer.Save(options.Out);
        long train = prepared.Sum(one => one.TrainTokens), validation = prepared.Sum(one => one.ValidationTokens);
        foreach (PreparedCorpus one in prepared) context.Out.WriteLine($"{one.Documents:N0} documents, {Units.Bytes(one.Bytes)} of text{Blemishes(one.BadLines, one.EmptyDocuments, one.InvalidUtf8Documents)}");
        context.Out.WriteLine($"{options.Out}: {train:N0} tokens to train on, {validation:N0} held out, and the tokenizer of {tokenizer.VocabSize:N0} tokens");
        context.Out.WriteLine($"train on them:  ./litespark train {options.Recipe.Name ?? "RECIPE"} --set data.source=shards --set 'data.train=[{options.Out}]'");
        context.Result(writer =>
        {
            writer.WriteString("out", options.Out);
            writer.WriteNumber("vocab_size", tokenizer.VocabSize);
            writer.WriteNumber("train_tokens", train);
            writer.WriteNumber("validation_tokens", validation);
            writer.WriteStartArray("sources");
            foreach (PreparedCorpus one in prepared) one.ToJson().WriteTo(writer);
            writer.WriteEndArray();
        });
        return ExitCodes.Done;
    }

    public static int Inspect(RecipeSelection selection, CommandContext context)
    {
        Recipe recipe = selection.Load().Recipe;
        DataOptions data = recipe.Data;
        Tokenizer tokenizer = OpenTokenizer(recipe, context);
        IReadOnlyList<DataReport> reports = DataInspector.Inspect(data, tokenizer, recipe.Training.Seed, recipe.Engine.UsableThreads,
            tokens => tokenizer.Decode([.. tokens]), new ReadingProgress(context.Progress).Report, context.StopRequested);
        foreach (DataReport report in reports) Print(context.Out, report);
        context.Result(writer =>
        {
            writer.WriteNumber("vocab_size", tokenizer.VocabSize);
            writer.WriteStartArray("sources");
            foreach (DataReport report in reports) report.ToJson().WriteTo(writer);
            writer.WriteEndArray();
        });
        return ExitCodes.Done;
    }

    static Tokenizer OpenTokenizer(Recipe recipe, CommandContext context)
    {
        string? modelFolder = recipe.Model.Path is { } path ? CheckpointStore.ResolveModelFolder(path, out _) : null;
        return TokenizerProvider.Open(recipe, modelFolder, recipe.Engine.UsableThreads, context.Progress.WriteLine, context.StopRequested)
            ?? throw new UserErrorException("data.source: synthetic: random tokens hold no text; name files or shards with data.source and data.train, or --input.");
    }

    static void Print(TextWriter output, DataReport report)
    {
        output.WriteLine(report.Source);
        var facts = new TextTable("", "") { LeftColumns = 2 };
        facts.Add("files", $"{report.Files:N0}");
        facts.Add("documents", $"{report.Documents:N0}, {report.ValidationDocuments:N0} of them held out{Blemishes(report.BadLines, report.EmptyDocuments, report.InvalidUtf8Documents)}");
        facts.Add("text", Units.Bytes(report.Bytes));
        facts.Add("tokens", $"{report.Tokens:N0}, {report.TokensPerByte:N3} per byte");
        facts.Write(output);
        foreach (string example in report.BadLineExamples) output.WriteLine($"  bad line: {PrintableText.Of(example)}");
        var lengths = new TextTable("tokens up to", "documents", "share");
        foreach (LengthBar bar in report.Lengths) lengths.Add($"{bar.MaxTokens:N0}", $"{bar.Documents:N0}", Units.Percent(report.Documents == 0 ? 0 : (double)bar.Documents / report.Documents));
        lengths.Write(output);
        output.WriteLine();
        output.WriteLine(PrintableText.Of(report.Sample));
    }

    static string Blemishes(long badLines, long empty, long invalid)
    {
        (long Count, string Text)[] all = [(badLines, "broken lines skipped"), (empty, "empty ones left out"), (invalid, "not valid UTF-8")];
        return string.Concat(all.Where(one => one.Count > 0).Select(one => $", {one.Count:N0} {one.Text}"));
    }
}
