using Litespark.Data;
using Litespark.Data.Loading;

namespace Litespark.Tests.Data;

public sealed class DataPipelineTests : IDisposable
{
    readonly DataFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Prepared_shards_train_like_the_text_they_were_made_from()
    {
        DataOptions text = folder.Options(folder.WriteDocuments("a.jsonl", 2000));
        ShardPreparer.Prepare(text, new ByteEncoder(), folder["out"], 2);
        using DataPipeline fromText = Open(text);
        using DataPipeline fromShards = Open(new DataOptions { Source = DataSourceKind.Shards, Train = [folder["out"]] });
        Assert.Equal(fromText.Identity, fromShards.Identity);
        Assert.Equal(fromText.TrainTokens, fromShards.TrainTokens);
        Assert.Empty(fromShards.Prepared);
        using BatchLoader a = fromText.CreateLoader(64, 2, 1);
        using BatchLoader b = fromShards.CreateLoader(64, 2, 1);
        for (int i = 0; i < 50; i++) Assert.Equal(a.Next().MicroBatches[0].Tokens, b.Next().MicroBatches[0].Tokens);
        using ValidationLoader va = fromText.CreateValidation(64, 2, 10_000)!;
        using ValidationLoader vb = fromShards.CreateValidation(64, 2, 10_000)!;
        Assert.Equal((va.Tokens, va.Bytes, va.Batches), (vb.Tokens, vb.Bytes, vb.Batches));
    }

    [Fact]
    public void Shards_without_any_held_out_ask_for_validation()
    {
        DataOptions text = folder.Options(folder.WriteDocuments("a.jsonl", 20)) with { ValidationFraction = 0 };
        ShardPreparer.Prepare(text, new ByteEncoder(), folder["out"], 2);
        DataOptions shards = new() { Source = DataSourceKind.Shards, Train = [folder["out"]], CacheDir = folder["cache"] };
        Assert.Contains("data.validation", Assert.Throws<UserErrorException>(() => Open(shards)).Message);
        using DataPipeline none = Open(shards with { ValidationFraction = 0 });
        Assert.False(none.HasValidation);
        Assert.Null(none.CreateValidation(16, 1, 100));
        using DataPipeline separate = Open(shards with { Validation = [folder.WriteDocuments("v.jsonl", 5)] });
        Assert.True(separate.HasValidation);
    }

    [Fact]
    public void Synthetic_data_needs_nothing()
    {
        using DataPipeline data = DataPipeline.Synthetic(1000, seed: 3);
        Assert.Null(data.TrainTokens);
        using BatchLoader loader = data.CreateLoader(128, 2, 2);
        StepBatch step = loader.Next();
        Assert.Equal(step.TokenCount, step.TargetCount);
        Assert.All(step.MicroBatches[1].Tokens.ToArray(), t => Assert.InRange(t, 0, 999));
        using ValidationLoader validation = data.CreateValidation(128, 2, 1000)!;
        Assert.Null(validation.BitsPerByte(1));
        Assert.Equal(1000, validation.Tokens);
    }

    [Fact]
    public void Held_out_text_is_not_in_the_training_data_nor_in_the_tokenizers()
    {
        DataOptions options = folder.Options(folder.WriteDocuments("a.jsonl", 300)) with { ValidationFraction = 0.2 };
        using DataPipeline data = Open(options);
        PreparedCorpus counts = Assert.Single(data.Prepared);
        List<Litespark.Data.Sources.Document> training = [.. TextCorpus.ReadTraining(options)];
        Assert.Equal(counts.Documents - counts.ValidationDocuments, training.Count);
        Assert.Equal(data.TrainTokens, training.Sum(d => d.Text.Length + 1));
        Assert.InRange(counts.ValidationDocuments, 30, 90);
    }

    [Fact]
    public void A_tokenizer_cannot_be_trained_on_shards() => Assert.Contains(
        "tokenizer", Assert.Throws<UserErrorException>(() => TextCorpus.ReadTraining(new DataOptions { Source = DataSourceKind.Shards, Train = ["x"] }).ToList()).Message);

    [Theory]
    [InlineData(0.7, 1, "validation_fraction")]
    [InlineData(double.NaN, 1, "validation_fraction")]
    [InlineData(0.1, -1, "weight")]
    [InlineData(0.1, 0, "weight")]
    public void Options_out_of_range_are_refused_by_name(double fraction, double weight, string key)
    {
        DataOptions options = new() { ValidationFraction = fraction, Sources = [new DataSourceOptions { Paths = ["a.txt"], Weight = weight }] };
        Assert.Contains(key, Assert.Throws<UserErrorException>(options.ResolveSources).Message);
    }

    [Fact]
    public void Options_that_contradict_each_other_are_refused()
    {
        DataSourceOptions source = new() { Paths = ["a.txt"] };
        Assert.Contains("data.sources", Assert.Throws<UserErrorException>(new DataOptions { Train = ["a.txt"], Sources = [source] }.ResolveSources).Message);
        Assert.Contains("data.train is missing", Assert.Throws<UserErrorException>(new DataOptions { Source = DataSourceKind.Files }.ResolveSources).Message);
        Assert.Contains("takes no paths", Assert.Throws<UserErrorException>(new DataOptions { Source = DataSourceKind.Synthetic, Train = ["x"] }.ResolveSources).Message);
        Assert.Contains("dotnet-docs, files, shards, synthetic", Assert.Throws<UserErrorException>(() => DataSourceKinds.Parse("web")).Message);
        Assert.Equal(DataSourceKind.DotNetDocs, new DataOptions().ResolveSources()[0].Source);
        Assert.Equal(DataSourceKind.Files, new DataOptions { Train = ["a.txt"] }.ResolveSources()[0].Source);
    }

    [Fact]
    public void Inspection_counts_what_training_would_see()
    {
        folder.WriteDocuments("in/a.jsonl", 200);
        File.AppendAllText(folder["in/a.jsonl"], "{oops\n{\"text\": \"\"}\n");
        DataOptions options = folder.Options(folder["in"]);
        DataReport report = Assert.Single(DataInspector.Inspect(options, new ByteEncoder(), seed: 1, threads: 2));
        using DataPipeline data = Open(options);
        PreparedCorpus counts = Assert.Single(data.Prepared);
        Assert.Equal((counts.Documents, counts.Bytes, counts.ValidationDocuments), (report.Documents, report.Bytes, report.ValidationDocuments));
        Assert.Equal(counts.TrainTokens + counts.ValidationTokens, report.Tokens);
        Assert.Equal((200, 1, 1), (report.Documents, report.BadLines, report.EmptyDocuments));
        Assert.Equal(200, report.Lengths.Sum(bar => bar.Documents));
        Assert.Equal(4, report.Sample.Split(DataInspector.Boundary).Length - 1);
        Assert.Contains("line 201", Assert.Single(report.BadLineExamples));

        ShardPreparer.Prepare(options, new ByteEncoder(), folder["out"], 1);
        DataReport shards = Assert.Single(DataInspector.Inspect(
            new DataOptions { Source = DataSourceKind.Shards, Train = [folder["out"]] }, new ByteEncoder(), 1, 1, tokens => string.Concat(tokens.Select(t => (char)t))));
        Assert.Equal((report.Documents, report.Bytes, report.Tokens, report.ValidationDocuments), (shards.Documents, shards.Bytes, shards.Tokens, shards.ValidationDocuments));
        Assert.Equal(report.Lengths, shards.Lengths);
        Assert.Contains("document ", shards.Sample);
        Assert.Equal(report.Tokens, (long)report.ToJson()["tokens"]!);
    }

    static DataPipeline Open(DataOptions options) => DataPipeline.Open(options, new ByteEncoder(), seed: 5, threads: 2);
}
