using Litespark.Data;
using Litespark.Data.Loading;

namespace Litespark.Tests.Data;

public sealed class BatchLoaderTests : IDisposable
{
    const int EndOfText = 256;
    readonly DataFolder folder = new();
    readonly DataPipeline pipeline;

    public BatchLoaderTests() => pipeline = Open(folder.Options(folder.WriteDocuments("a.jsonl", 40)) with { ValidationFraction = 0 });

    public void Dispose()
    {
        pipeline.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Rows_are_what_a_naive_packer_makes_of_the_same_stream(bool mask)
    {
        using DataPipeline data = Open(folder.Options(folder["a.jsonl"]) with { ValidationFraction = 0, DocumentMask = mask });
        const int length = 48;
        List<Row> rows = Rows(data, length, 2, 3, 40);
        // The stream itself, one token after another; the first of each document marked.
        int[] stream = [.. rows.SelectMany(row => row.Tokens)];
        for (int r = 0; r < rows.Count - 1; r++)
        {
            int start = 0;
            for (int i = 0; i < length; i++)
            {
                int at = r * length + i;
                if (mask && stream[at] == EndOfText) start = i;
                Assert.Equal(start, rows[r].Starts[i]);
                Assert.Equal(i - start, rows[r].Positions[i]);
                Assert.Equal(stream[at + 1], rows[r].Targets[i]);
            }
        }
    }

    [Fact]
    public void An_epoch_holds_every_document_once_in_an_order_of_its_own()
    {
        List<string> documents = Documents(pipeline, 3 * 40);
        string[] expected = [.. DataFolder.ReadTexts(folder.Options(folder["a.jsonl"])).Order(StringComparer.Ordinal)];
        string[][] epochs = [.. documents.Chunk(40).Take(3)];
        Assert.All(epochs, epoch => Assert.Equal(expected, epoch.Order(StringComparer.Ordinal)));
        Assert.NotEqual(epochs[0], epochs[1]);
        Assert.NotEqual(epochs[1], epochs[2]);
    }

    [Fact]
    public void Another_seed_gives_another_order_and_without_shuffling_it_is_the_corpus_own()
    {
        DataOptions options = folder.Options(folder["a.jsonl"]) with { ValidationFraction = 0 };
        using DataPipeline other = Open(options, seed: 2);
        Assert.NotEqual(Documents(pipeline, 40), Documents(other, 40));
        using DataPipeline plain = Open(options with { Shuffle = false });
        Assert.Equal(DataFolder.ReadTexts(options), Documents(plain, 40));
    }

    [Theory]
    [InlineData(1, 8)]
    [InlineData(8, 1)]
    [InlineData(2, 4)]
    public void Cutting_a_step_into_other_micro_batches_keeps_the_rows(int microBatch, int count)
    {
        using BatchLoader reference = pipeline.CreateLoader(32, 4, 2);
        using BatchLoader loader = pipeline.CreateLoader(32, microBatch, count);
        for (int step = 0; step < 30; step++)
        {
            StepBatch a = reference.Next();
            StepBatch b = loader.Next();
            Assert.Equal(a.TargetCount, b.TargetCount);
            Assert.Equal(a.MicroBatches.Sum(m => m.CountTargets()), b.TargetCount);
            Assert.Equal(8 * 32, b.TokenCount);
            Assert.Equal(a.MicroBatches.SelectMany(m => m.Tokens.ToArray()), b.MicroBatches.SelectMany(m => m.Tokens.ToArray()));
            Assert.Equal(a.MicroBatches.SelectMany(m => m.Targets.ToArray()), b.MicroBatches.SelectMany(m => m.Targets.ToArray()));
        }
    }

    [Fact]
    public void Resuming_at_any_step_continues_with_the_exact_token()
    {
        DataOptions mixed = new()
        {
            CacheDir = folder["cache"],
            ValidationFraction = 0,
            Sources =
            [
                new DataSourceOptions { Paths = [folder["a.jsonl"]], Weight = 2 },
                new DataSourceOptions { Paths = [folder.WriteDocuments("b.jsonl", 9, "other")], Weight = 1 },
                new DataSourceOptions { Source = DataSourceKind.Synthetic, Weight = 0.5 },
            ],
        };
        using DataPipeline data = Open(mixed);
        const int steps = 60;
        List<int[]> whole = [];
        List<LoaderState> states = [];
        using (BatchLoader loader = data.CreateLoader(24, 2, 2))
        {
            states.Add(loader.State);
            for (int step = 0; step < steps; step++)
            {
                whole.Add(Flatten(loader.Next()));
                states.Add(LoaderState.FromJson(loader.State.ToJson()));
            }
        }
        Assert.True(states[^1].Sources[1].Position.Epoch > 1); // The end of the data was passed.
        for (int from = 0; from < steps; from++)
        {
            using BatchLoader resumed = data.CreateLoader(24, 2, 2, states[from]);
            Assert.Equal(states[from].Sources, resumed.State.Sources);
            for (int step = from; step < Math.Min(from + 4, steps); step++) Assert.Equal(whole[step], Flatten(resumed.Next()));
        }
    }

    [Fact]
    public void The_state_is_that_of_the_step_handed_out_not_of_the_one_prefetched()
    {
        using BatchLoader loader = pipeline.CreateLoader(16, 1, 1);
        loader.Next();
        Thread.Sleep(20);
        Assert.Equal(1, loader.State.Sources[0].Rows);
    }

    [Fact]
    public void A_state_of_other_data_or_another_seed_is_refused()
    {
        using BatchLoader loader = pipeline.CreateLoader(16, 1, 1);
        LoaderState state = loader.State;
        Assert.Contains("another corpus", Assert.Throws<UserErrorException>(() => pipeline.CreateLoader(16, 1, 1, state with { Corpus = "else" })).Message);
        Assert.Contains("seed 9", Assert.Throws<UserErrorException>(() => pipeline.CreateLoader(16, 1, 1, state with { Seed = 9 })).Message);
        SourceState outside = new(new TokenPosition(0, 999, 0), 0);
        Assert.Contains("outside the corpus", Assert.Throws<UserErrorException>(() => pipeline.CreateLoader(16, 1, 1, state with { Sources = [outside] })).Message);
    }

    [Fact]
    public void Sources_are_mixed_by_weight()
    {
        folder.Write("x.txt", new string('x', 5000));
        folder.Write("y.txt", new string('y', 50));
        using DataPipeline data = Open(new DataOptions
        {
            CacheDir = folder["cache"],
            ValidationFraction = 0,
            Sources = [new DataSourceOptions { Paths = [folder["x.txt"]], Weight = 3 }, new DataSourceOptions { Paths = [folder["y.txt"]], Weight = 1 }],
        });
        int[] tokens = [.. Rows(data, 50, 4, 1, 100).SelectMany(r => r.Tokens)];
        Assert.InRange(tokens.Count(t => t == 'x') / (double)tokens.Count(t => t == 'y'), 2.9, 3.2);
    }

    [Fact]
    public void A_damaged_token_met_while_prefetching_is_reported_by_the_next_step()
    {
        ShardPreparer.Prepare(folder.Options(folder["a.jsonl"]) with { ValidationFraction = 0 }, new ByteEncoder(), folder["out"], 1);
        string path = folder["out/train-00000.tokens"];
        byte[] bytes = File.ReadAllBytes(path);
        bytes[1001] = 0x70;
        File.WriteAllBytes(path, bytes);
        using DataPipeline data = Open(new DataOptions { Source = DataSourceKind.Shards, Train = [path], ValidationFraction = 0, VerifyShards = false });
        using BatchLoader loader = data.CreateLoader(64, 4, 1);
        UserErrorException error = Assert.Throws<UserErrorException>(() =>
        {
            for (int i = 0; i < 100; i++) loader.Next();
        });
        Assert.Contains(path, error.Message);
    }

    static DataPipeline Open(DataOptions options, long seed = 1) => DataPipeline.Open(options, new ByteEncoder(), seed, threads: 1);

    static int[] Flatten(StepBatch step) => [.. step.MicroBatches.SelectMany(m => (int[])[.. m.Tokens, .. m.Targets, .. m.Positions, .. m.DocumentStarts])];

    static List<Row> Rows(DataPipeline data, int length, int microBatch, int count, int steps)
    {
        List<Row> rows = [];
        using BatchLoader loader = data.CreateLoader(length, microBatch, count);
        for (int step = 0; step < steps; step++)
            foreach (MicroBatch batch in loader.Next().MicroBatches)
                for (int row = 0; row < batch.Rows; row++)
                {
                    Range range = (row * length)..((row + 1) * length);
                    rows.Add(new Row(batch.Tokens[range].ToArray(), batch.Targets[range].ToArray(), batch.Positions[range].ToArray(), batch.DocumentStarts[range].ToArray()));
                }
        return rows;
    }

    static List<string> Documents(DataPipeline data, int count)
    {
        List<string> documents = [];
        List<char> current = [];
        using BatchLoader loader = data.CreateLoader(32, 1, 1);
        while (documents.Count < count)
            foreach (int token in loader.Next().MicroBatches[0].Tokens)
            {
                if (token != EndOfText)
                {
                    current.Add((char)token);
                    continue;
                }
                documents.Add(new string([.. current]));
                current.Clear();
            }
        return documents[..count];
    }

    sealed record Row(int[] Tokens, int[] Targets, int[] Positions, int[] Starts);
}
