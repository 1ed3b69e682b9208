using System.Text.Json;
using Litespark.Tokenization;

namespace Litespark.Tests.Cli;

public class DataVerbTests
{
    static readonly string[] Tiny =
    [
        "--set", "model.hidden_size=32", "--set", "model.intermediate_size=64", "--set", "model.num_hidden_layers=1", "--set", "model.num_attention_heads=2",
        "--set", "training.sequence_length=16", "--set", "training.micro_batch_size=2", "--set", "training.global_batch_tokens=null", "--set", "training.max_steps=3", "--set", "engine.threads=1",
    ];

    /// <summary>A small corpus of JSON lines, one of them broken.</summary>
    static string Corpus(TemporaryFolder folder)
    {
        string path = folder.File("corpus.jsonl");
        IEnumerable<string> lines = Enumerable.Range(0, 200).Select(i => $"{{\"text\": \"Document {i} tells of {i * 7 % 13} apples and {i * 5 % 11} pears.\"}}");
        File.WriteAllLines(path, [.. lines, "{broken"]);
        return path;
    }

    static string[] Text(TemporaryFolder folder) =>
        ["--input", Corpus(folder), "--set", "tokenizer.vocab_size=300", "--set", "data.validation_fraction=0.1", "--set", "data.cache_dir=" + folder.File("cache")];

    [Fact]
    public void Prepared_shards_travel_with_their_tokenizer_and_train_a_model()
    {
        using var folder = new TemporaryFolder();
        string shards = folder.File("shards"), run = folder.File("run"), exported = folder.File("exported");
        JsonElement prepared = CliRun.Of(["data", "prepare", .. Text(folder), "--out", shards, "--json"]).Json()
            .Has("out", "vocab_size", "train_tokens", "validation_tokens", "sources");
        JsonElement source = Assert.Single(prepared.GetProperty("sources").EnumerateArray());
        Assert.Equal(200, source.GetProperty("documents").GetInt32());
        Assert.Equal(1, source.GetProperty("bad_lines").GetInt32());
        Assert.True(prepared.GetProperty("validation_tokens").GetInt64() > 0);
        Assert.Equal(Tokenizer.Load(shards).VocabSize, prepared.GetProperty("vocab_size").GetInt32());

        // Elsewhere: neither the text nor the cache is there any more.
        File.Delete(folder.File("corpus.jsonl"));
        Directory.Delete(folder.File("cache"), recursive: true);
        string[] onShards = ["--set", "data.source=shards", "--set", $"data.train=[{shards}]", "--set", "data.cache_dir=" + folder.File("cache")];
        JsonElement trained = CliRun.Of(["train", .. onShards, .. Tiny, "--out", run, "--json"]).Json();
        Assert.Equal(3, trained.GetProperty("steps").GetInt32());
        Assert.True(trained.Number("eval_loss") > 0);

        JsonElement seen = CliRun.Of(["data", "inspect", .. onShards, "--json"]).Json().Has("vocab_size", "sources");
        JsonElement report = Assert.Single(seen.GetProperty("sources").EnumerateArray());
        Assert.Equal(200, report.GetProperty("documents").GetInt32());
        Assert.Contains("apples", report.GetProperty("sample").GetString());

        Assert.Equal(exported, CliRun.Of("export", "--checkpoint", run, "--out", exported, "--json").Json().GetProperty("out").GetString());
        Assert.Equal(Tokenizer.Load(shards).Fingerprint, Tokenizer.Load(exported).Fingerprint);
        Assert.False(File.Exists(Path.Combine(exported, "training_state.json")));
    }

    [Fact]
    public void Inspection_shows_counts_lengths_and_a_sample()
    {
        using var folder = new TemporaryFolder();
        string[] text = Text(folder);
        JsonElement report = Assert.Single(CliRun.Of(["data", "inspect", .. text, "--json"]).Json().GetProperty("sources").EnumerateArray());
        report.Has("source", "files", "documents", "validation_documents", "bytes", "tokens", "tokens_per_byte", "lengths", "bad_lines", "bad_line_examples", "empty_documents", "invalid_utf8_documents", "sample");
        Assert.Equal(200, report.GetProperty("lengths").EnumerateArray().Sum(bar => bar.GetProperty("documents").GetInt32()));
        CliRun shown = CliRun.Of(["data", "inspect", .. text]);
        Assert.Equal(0, shown.Code);
        foreach (string word in (string[])["1 broken lines skipped", "end of text", "per byte", "corpus.jsonl, line 201"]) Assert.Contains(word, shown.Out);
    }

    [Fact]
    public void What_cannot_be_prepared_is_refused_before_any_work()
    {
        using var folder = new TemporaryFolder();
        string full = Directory.CreateDirectory(folder.File("full")).FullName;
        File.WriteAllText(Path.Combine(full, "mine.txt"), "keep");
        CliRun.Of(["data", "prepare", .. Text(folder), "--out", full]).AssertUserError("is not empty");
        Assert.Equal("keep", File.ReadAllText(Path.Combine(full, "mine.txt")));
        CliRun.Of("data", "prepare", "--input", folder.File("none.txt"), "--out", folder.File("out")).AssertUserError("no such file");
        CliRun.Of("data", "prepare", "--set", "data.source=synthetic", "--out", folder.File("out")).AssertUserError("hold no text");
        CliRun.Of("data", "inspect", "--set", "data.source=synthetic").AssertUserError("hold no text");
        CliRun.Of("data", "prepare").AssertUserError("'--out'");
        CliRun.Of("data").AssertUserError("prepare, inspect");
    }
}
