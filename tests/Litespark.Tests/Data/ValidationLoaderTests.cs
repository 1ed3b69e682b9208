using Litespark.Data;
using Litespark.Data.Loading;

namespace Litespark.Tests.Data;

public sealed class ValidationLoaderTests : IDisposable
{
    readonly DataFolder folder = new();
    readonly DataPipeline pipeline;

    public ValidationLoaderTests()
    {
        DataOptions options = folder.Options(folder.WriteDocuments("a.jsonl", 10)) with { Validation = [folder.WriteDocuments("v.jsonl", 30, "held out")] };
        pipeline = DataPipeline.Open(options, new ByteEncoder(), seed: 1, threads: 1);
    }

    public void Dispose()
    {
        pipeline.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void The_whole_text_is_covered_once_and_its_bytes_are_exact()
    {
        using ValidationLoader validation = pipeline.CreateValidation(32, 3, 1_000_000)!;
        string[] texts = DataFolder.ReadTexts(folder.Options(folder["v.jsonl"]));
        Assert.Equal(texts.Sum(t => t.Length), validation.Bytes);
        Assert.Equal(validation.Bytes + texts.Length, validation.Tokens);
        (int[] tokens, int targets, int batches) = Run(validation);
        Assert.Equal(validation.Batches, batches);
        Assert.Equal(validation.Tokens - 1, targets); // All but the very first token.
        string stream = new([.. tokens[..(int)validation.Tokens].Select(t => t == 256 ? '|' : (char)t)]);
        Assert.Equal(texts.Order(StringComparer.Ordinal), stream.TrimEnd('|').Split('|').Order(StringComparer.Ordinal));
        Assert.All(tokens[(int)validation.Tokens..], t => Assert.Equal(256, t));
    }

    [Fact]
    public void Every_evaluation_is_the_same_whatever_the_seed_of_training()
    {
        using ValidationLoader validation = pipeline.CreateValidation(32, 3, 500)!;
        (int[] first, _, _) = Run(validation);
        (int[] second, _, _) = Run(validation);
        Assert.Equal(first, second);
        using DataPipeline other = DataPipeline.Open(folder.Options(folder["a.jsonl"]) with { Validation = [folder["v.jsonl"]] }, new ByteEncoder(), seed: 2, threads: 1);
        using ValidationLoader otherValidation = other.CreateValidation(32, 3, 500)!;
        Assert.Equal(first, Run(otherValidation).Tokens);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(333)]
    public void A_limit_covers_the_first_tokens_and_no_more(int limit)
    {
        using ValidationLoader validation = pipeline.CreateValidation(32, 2, limit)!;
        using ValidationLoader whole = pipeline.CreateValidation(32, 2, 1_000_000)!;
        (int[] tokens, int targets, int batches) = Run(validation);
        Assert.Equal(limit, validation.Tokens);
        Assert.Equal((limit + 63) / 64, batches);
        Assert.Equal(Run(whole).Tokens[..limit], tokens[..limit]);
        Assert.InRange(targets, 0, limit - 1);
        Assert.InRange(validation.Bytes!.Value, limit - 20, limit);
    }

    [Fact]
    public void Bits_per_byte_follow_from_the_loss()
    {
        using ValidationLoader validation = pipeline.CreateValidation(32, 2, 1_000_000)!;
        double expected = 2 * (double)validation.Tokens / validation.Bytes!.Value;
        Assert.Equal(expected, validation.BitsPerByte(2 * Math.Log(2))!.Value, 12);
    }

    [Fact]
    public void Several_sources_share_the_limit_by_weight()
    {
        using DataPipeline mixed = DataPipeline.Open(
            new DataOptions
            {
                CacheDir = folder["cache"],
                ValidationFraction = 0.5,
                Sources =
                [
                    new DataSourceOptions { Paths = [folder.WriteDocuments("x.jsonl", 200, "x")], Weight = 3 },
                    new DataSourceOptions { Paths = [folder.WriteDocuments("y.jsonl", 200, "y")], Weight = 1 },
                ],
            },
            new ByteEncoder(), seed: 1, threads: 1);
        using ValidationLoader validation = mixed.CreateValidation(32, 2, 1000)!;
        Assert.Equal(1000, validation.Tokens);
        (int[] tokens, _, int batches) = Run(validation);
        Assert.Equal(validation.Batches, batches);
        Assert.Contains("y ", new string([.. tokens.Skip(768).Select(t => (char)t)])); // 24 rows of x, then y.
        Assert.DoesNotContain("y ", new string([.. tokens.Take(750).Select(t => (char)t)]));
    }

    [Fact]
    public void An_evaluation_allocates_nothing_on_its_thread()
    {
        using ValidationLoader validation = pipeline.CreateValidation(32, 2, 1000)!;
        int targets = 0;
        for (int i = 0; i < 50; i++) targets += Count(validation);
        long before = GC.GetAllocatedBytesForCurrentThread();
        targets += Count(validation);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(targets > 0);
    }

    static int Count(ValidationLoader validation)
    {
        validation.Reset();
        int sum = 0;
        while (validation.TryNext(out _, out int targets)) sum += targets;
        return sum;
    }

    static (int[] Tokens, int Targets, int Batches) Run(ValidationLoader validation)
    {
        List<int> tokens = [];
        int sum = 0;
        int batches = 0;
        validation.Reset();
        while (validation.TryNext(out MicroBatch batch, out int targets))
        {
            Assert.Equal(batch.CountTargets(), targets);
            tokens.AddRange(batch.Tokens);
            sum += targets;
            batches++;
        }
        return ([.. tokens], sum, batches);
    }
}
