using System.Text;
using Litespark.Data;
using Litespark.Data.Loading;

namespace Litespark.Tests.Data;

/// <summary>Documents that begin with tokens of the tokenizer, such as a beginning of text.</summary>
public sealed class DocumentPrefixTests : IDisposable
{
    const int EndOfText = 256, Documents = 30;
    readonly DataFolder folder = new();
    readonly string corpus;
    readonly byte[][] texts;

    public DocumentPrefixTests()
    {
        corpus = folder.WriteDocuments("a.jsonl", Documents);
        texts = [.. DataFolder.ReadTexts(folder.Options(corpus)).Select(Encoding.UTF8.GetBytes)];
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(true, new int[0])]
    [InlineData(true, new[] { 257 })]
    [InlineData(true, new[] { 257, 258 })]
    [InlineData(false, new[] { 257 })]
    [InlineData(false, new[] { 257, 258 })]
    public void Rows_are_what_a_naive_packer_makes_of_the_documents(bool mask, int[] prefix)
    {
        const int length = 48, rows = 200;
        // Every token: its document, and whether it is of the prefix.
        List<(int Token, int Document, bool IsPrefix)> stream = [];
        for (int d = 0; stream.Count <= rows * length; d++)
            stream.AddRange([.. prefix.Select(t => (t, d, true)), .. texts[d % Documents].Select(b => ((int)b, d, false)), (EndOfText, d, false)]);

        using DataPipeline data = Open(folder.Options(corpus) with { ValidationFraction = 0, Shuffle = false, DocumentMask = mask }, prefix);
        using BatchLoader loader = data.CreateLoader(length, 1, 1);
        Assert.Equal(texts.Sum(text => prefix.Length + text.Length + 1), data.TrainTokens);
        for (int row = 0; row < rows; row++)
        {
            StepBatch step = loader.Next();
            MicroBatch batch = step.MicroBatches[0];
            Assert.Equal(batch.CountTargets(), step.TargetCount);
            int start = 0;
            for (int i = 0; i < length; i++)
            {
                int at = row * length + i;
                bool begins = prefix.Length > 0 ? i > 0 && stream[at - 1].Document != stream[at].Document : stream[at].Token == EndOfText;
                if (mask && begins) start = i;
                Assert.Equal(stream[at].Token, batch.Tokens[i]);
                Assert.Equal(start, batch.DocumentStarts[i]);
                Assert.Equal(i - start, batch.Positions[i]);
                Assert.Equal(stream[at + 1].IsPrefix ? MicroBatch.IgnoredTarget : stream[at + 1].Token, batch.Targets[i]);
            }
        }
    }

    [Theory]
    [InlineData(32)]
    [InlineData(7)]
    public void Every_token_of_the_held_out_text_is_predicted_once_and_the_prefix_never(int length)
    {
        using DataPipeline data = Open(new DataOptions { Source = DataSourceKind.Synthetic, Validation = [corpus], CacheDir = folder["cache"] }, 257, 258);
        using ValidationLoader validation = data.CreateValidation(length, 3, long.MaxValue)!;
        Assert.Equal(texts.Sum(text => text.Length), validation.Bytes);
        Assert.Equal(validation.Bytes + Documents, validation.Tokens);
        List<int> predicted = Predicted(validation);
        Assert.Equal(validation.Tokens, predicted.Count);
        Assert.Equal(texts.SelectMany(text => text).Select(b => (int)b).Concat(Enumerable.Repeat(EndOfText, Documents)).Order(), predicted.Order());
        Assert.Equal((double)validation.Tokens / validation.Bytes!.Value, validation.BitsPerByte(Math.Log(2))!.Value, 12);
    }

    [Fact]
    public void A_limit_cuts_the_text_wherever_it_falls()
    {
        using DataPipeline data = Open(new DataOptions { Source = DataSourceKind.Synthetic, Validation = [corpus], CacheDir = folder["cache"] }, 257, 258);
        using ValidationLoader whole = data.CreateValidation(16, 2, long.MaxValue)!;
        List<int> all = Predicted(whole);
        for (int limit = 3; limit < 200; limit++)
        {
            using ValidationLoader validation = data.CreateValidation(16, 2, limit)!;
            List<int> predicted = Predicted(validation);
            Assert.Equal(all[..predicted.Count], predicted);
            Assert.Equal(predicted.Count, validation.Tokens);
            Assert.InRange(predicted.Count(token => token != EndOfText) - validation.Bytes!.Value, 0, 1); // The share of a cut document is rounded down.
        }
    }

    [Fact]
    public void Another_prefix_is_tokenised_anew_and_other_shards_are_refused()
    {
        DataOptions options = folder.Options(corpus) with { ValidationFraction = 0 };
        long? without = TrainTokens(options);
        Assert.Equal(without + Documents, TrainTokens(options, 257));
        Assert.Equal(without, TrainTokens(options));

        ShardPreparer.Prepare(options, new ByteEncoder(vocabSize: 259), folder["plain"], 1);
        ShardPreparer.Prepare(options, new ByteEncoder(vocabSize: 259, prefix: 257), folder["prefixed"], 1);
        DataOptions plain = new() { Source = DataSourceKind.Shards, Train = [folder["plain"]], ValidationFraction = 0 };
        DataOptions prefixed = plain with { Train = [folder["prefixed"]] };
        Assert.Equal(without, TrainTokens(plain));
        Assert.Equal(without + Documents, TrainTokens(prefixed, 257));
        Assert.Contains("without the beginning-of-text token", Assert.Throws<UserErrorException>(() => TrainTokens(plain, 257)).Message);
        Assert.Contains("another tokenizer", Assert.Throws<UserErrorException>(() => TrainTokens(prefixed)).Message);
        Assert.Contains("another tokenizer", Assert.Throws<UserErrorException>(() => TrainTokens(prefixed, 258)).Message);
    }

    [Fact]
    public void An_inspection_counts_the_prefix_and_shows_the_text()
    {
        DataOptions options = folder.Options(corpus) with { ValidationFraction = 0 };
        ByteEncoder encoder = new(vocabSize: 259, prefix: 257);
        long tokens = ShardPreparer.Prepare(options, encoder, folder["out"], 1).Single().TrainTokens;
        DataReport text = Assert.Single(DataInspector.Inspect(options, encoder, 1, 1));
        DataReport shards = Assert.Single(DataInspector.Inspect(
            new DataOptions { Source = DataSourceKind.Shards, Train = [folder["out"]] }, encoder, 1, 1, sample => string.Concat(sample.Select(t => (char)t))));
        Assert.Equal((tokens, tokens), (text.Tokens, shards.Tokens));
        Assert.Equal(text.Lengths, shards.Lengths);
        Assert.All(shards.Sample.Split(DataInspector.Boundary)[..^1], sample => Assert.Contains(Encoding.UTF8.GetBytes(sample), texts));
    }

    static long? TrainTokens(DataOptions options, params int[] prefix)
    {
        using DataPipeline data = Open(options, prefix);
        return data.TrainTokens;
    }

    static DataPipeline Open(DataOptions options, params int[] prefix) => DataPipeline.Open(options, new ByteEncoder(vocabSize: 259, prefix: prefix), seed: 1, threads: 1);

    static List<int> Predicted(ValidationLoader validation)
    {
        List<int> targets = [];
        validation.Reset();
        while (validation.TryNext(out MicroBatch batch, out int count))
        {
            Assert.Equal(batch.CountTargets(), count);
            foreach (int target in batch.Targets)
                if (target != MicroBatch.IgnoredTarget) targets.Add(target);
        }
        return targets;
    }
}
