using Litespark.Data;
using Litespark.Tokenization;

namespace Litespark.Tests.Data;

public sealed class ShardPreparerTests : IDisposable
{
    readonly DataFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_shards_are_the_same_for_any_number_of_threads()
    {
        DataOptions options = folder.Options(folder.WriteDocuments("a.jsonl", 60_000)) with { ShardTokens = 1_200_000 };
        ShardPreparer.Prepare(options, new ByteEncoder(), folder["one"], threads: 1);
        ShardPreparer.Prepare(options, new ByteEncoder(), folder["four"], threads: 4);
        string[] names = [.. Directory.EnumerateFiles(folder["one"]).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];
        Assert.Equal(["prepared.json", "train-00000.tokens", "train-00001.tokens", "train-00002.tokens", "train-00003.tokens", "validation-00000.tokens"], names);
        Assert.All(names, name => Assert.Equal(File.ReadAllBytes(Path.Combine(folder["one"], name)), File.ReadAllBytes(Path.Combine(folder["four"], name))));
    }

    [Fact]
    public void Held_out_documents_are_chosen_by_their_content_alone()
    {
        PreparedCorpus together = Prepare(folder.Options(folder.WriteDocuments("a.jsonl", 2000, "a"), folder.WriteDocuments("b.jsonl", 2000, "b")));
        PreparedCorpus first = Prepare(folder.Options(folder["a.jsonl"]));
        PreparedCorpus second = Prepare(folder.Options(folder["b.jsonl"]));
        Assert.Equal(together.ValidationDocuments, first.ValidationDocuments + second.ValidationDocuments);
        Assert.InRange(together.ValidationDocuments, 15, 75); // 1 % of 4000, within five standard deviations.
        Assert.Equal(together.Bytes + together.Documents, together.TrainTokens + together.ValidationTokens);
    }

    [Fact]
    public void A_corpus_of_few_documents_still_holds_one_out()
    {
        PreparedCorpus prepared = Prepare(folder.Options(folder.WriteDocuments("a.jsonl", 3)) with { ValidationFraction = 1e-9 });
        Assert.Equal(1, prepared.ValidationDocuments);
    }

    [Fact]
    public void A_single_document_cannot_be_split_but_can_be_trained_on()
    {
        DataOptions options = folder.Options(folder.WriteDocuments("a.jsonl", 1));
        Assert.Contains("validation_fraction", Assert.Throws<UserErrorException>(() => Prepare(options)).Message);
        Assert.Equal(0, Prepare(options with { ValidationFraction = 0 }).ValidationDocuments);
    }

    [Fact]
    public void Documents_that_are_all_the_same_cannot_be_split_and_that_is_said()
    {
        File.WriteAllText(folder["a.jsonl"], string.Concat(Enumerable.Repeat("{\"text\": \"again\"}\n", 60)));
        UserErrorException error = Assert.Throws<UserErrorException>(() => Prepare(folder.Options(folder["a.jsonl"])));
        Assert.Contains("60 documents are all the same", error.Message);
        Assert.Contains("data.validation_fraction to 0", error.Message);
    }

    [Fact]
    public void Separate_validation_text_leaves_all_the_rest_to_train_on()
    {
        DataOptions options = folder.Options(folder.WriteDocuments("a.jsonl", 500)) with { Validation = [folder.WriteDocuments("v.jsonl", 7, "v")] };
        PreparedCorpus prepared = Prepare(options);
        Assert.Equal(500, prepared.Documents);
        Assert.Equal(7, prepared.ValidationDocuments);
    }

    [Fact]
    public void A_folder_that_holds_shards_is_not_overwritten()
    {
        DataOptions options = folder.Options(folder.WriteDocuments("a.jsonl", 500));
        ShardPreparer.Prepare(options, new ByteEncoder(), folder["out"], threads: 1);
        Assert.Contains("holds token shards already", Assert.Throws<UserErrorException>(() => ShardPreparer.Prepare(options, new ByteEncoder(), folder["out"], 1)).Message);
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_an_error_that_names_it()
    {
        DataOptions options = folder.Options(folder.WriteDocuments("a.jsonl", 500));
        string blocked = Path.Combine(folder.Write("file", "x"), "out"); // A folder below a file cannot be made.
        Assert.Contains(blocked, Assert.Throws<UserErrorException>(() => ShardPreparer.Prepare(options, new ByteEncoder(), blocked, 1)).Message);
    }

    [Fact]
    public void Bad_input_in_the_middle_leaves_no_shards()
    {
        string path = folder.WriteDocuments("a.jsonl", 50_000);
        File.AppendAllText(path, "{broken\n");
        DataOptions options = folder.Options(path) with { MaxBadLines = 0 };
        Assert.Throws<UserErrorException>(() => ShardPreparer.Prepare(options, new ByteEncoder(), folder["out"], 2));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder["out"]));
    }

    [Fact]
    public void Preparation_can_be_stopped_and_leaves_no_shards()
    {
        using CancellationTokenSource stop = new();
        DataOptions options = folder.Options(folder.WriteDocuments("a.jsonl", 80_000));
        Assert.ThrowsAny<OperationCanceledException>(() => ShardPreparer.Prepare(options, new ByteEncoder(), folder["out"], 1, _ => stop.Cancel(), stop.Token));
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder["out"]));
    }

    [Fact]
    public void Text_is_tokenised_once_and_again_when_anything_changes()
    {
        string path = folder.WriteDocuments("a.jsonl", 500);
        DataOptions options = folder.Options(path);
        Assert.Equal(500, CallsOf(options));
        Assert.Equal(0, CallsOf(options));
        Assert.Equal(500, CallsOf(options with { ValidationFraction = 0.1 }));
        Assert.Equal(500, CallsOf(options, "another tokenizer"));
        File.AppendAllText(path, "{\"text\": \"more\"}\n");
        Assert.Equal(501, CallsOf(options));
        Assert.DoesNotContain(Directory.EnumerateDirectories(folder["cache/tokens"]), name => name.Contains(".tmp-"));
    }

    [Fact]
    public void A_damaged_cache_is_made_again()
    {
        DataOptions options = folder.Options(folder.WriteDocuments("a.jsonl", 500));
        Assert.Equal(500, CallsOf(options));
        string shard = Directory.EnumerateFiles(folder["cache"], "train-*.tokens", SearchOption.AllDirectories).Single();
        byte[] bytes = File.ReadAllBytes(shard);
        bytes[200] ^= 1;
        File.WriteAllBytes(shard, bytes);
        Assert.Equal(500, CallsOf(options));
        Assert.Equal(0, CallsOf(options));
    }

    PreparedCorpus Prepare(DataOptions options) => ShardPreparer.Prepare(options, new ByteEncoder(), folder["out" + Guid.NewGuid().ToString("N")], threads: 2).Single();

    static int CallsOf(DataOptions options, string fingerprint = "bytes")
    {
        CountingEncoder encoder = new(fingerprint);
        DataPipeline.Open(options, encoder, seed: 1, threads: 2).Dispose();
        return encoder.Calls;
    }

    sealed class CountingEncoder(string fingerprint) : ITextEncoder
    {
        readonly ByteEncoder bytes = new();
        int calls;

        public int Calls => calls;

        public int VocabSize => 257;

        public int EndOfTextId => 256;

        public string Fingerprint => fingerprint;

        public void Encode(ReadOnlySpan<byte> text, List<int> tokens)
        {
            Interlocked.Increment(ref calls);
            bytes.Encode(text, tokens);
        }
    }
}
