using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Litespark.Data;
using Litespark.Tokenization;
using Xunit.Abstractions;

namespace Litespark.Tests.Training;

/// <summary>Whatever is wrong with the input: one clear message, the right exit code, nothing on stdout, and nothing that was saved is lost.</summary>
public sealed class RefusedInputTests(ITestOutputHelper output) : IDisposable
{
    const int UserError = 2;
    readonly TinyRun tiny = new();

    public void Dispose() => tiny.Dispose();

    [Theory]
    [InlineData("--set model.hiden_size=4", "unknown key 'model.hiden_size'; did you mean 'model.hidden_size'?")]
    [InlineData("--set training.max_steps=many", "training.max_steps: expected integer ≥ 1, found 'many'")]
    [InlineData("--set training.max_steps=0", "training.max_steps: expected integer ≥ 1")]
    [InlineData("--set model.num_attention_heads=5", "hidden_size 32 is not divisible by num_attention_heads 5; nearest that are: hidden_size 30 or 35")]
    [InlineData("--set model.num_key_value_heads=3", "num_attention_heads 4 is not divisible by num_key_value_heads 3")]
    [InlineData("--set training.sequence_length=256 --set training.global_batch_tokens=512", "sequence_length 256 is longer than the model's max_position_embeddings 128")]
    [InlineData("--set training.global_batch_tokens=100", "is not a multiple of micro_batch_size × sequence_length")]
    [InlineData("--set model.vocab_size=280", "280 rows cannot hold the tokenizer's 300 tokens")]
    [InlineData("--set model.hidden_size=2000000000", "more than one tensor can hold")]
    [InlineData("--set model.intermediate_size=2000000000", "more than one tensor can hold")]
    [InlineData("--set model.preset=llama-1n", "llama-1m")]
    [InlineData("--device cuda", "engine.device: cuda: libcuda")]
    [InlineData("--set engine.precision=bfloat16", "the CPU computes in float32")]
    [InlineData("--set tokenizer.path=nowhere", "nowhere: no such file")]
    [InlineData("--resume --set model.path=nowhere", "nowhere: there is no such folder")]
    public void A_wrong_recipe_is_refused(string arguments, string expected) => Refused(expected, arguments.Split(' '));

    [Fact]
    public void A_program_larger_than_the_machine_is_refused_before_it_is_loaded()
    {
        // Some terabytes: more than any machine that runs tests.
        string[] changes = ["data.source=synthetic", "model.preset=litespark-30b", "model.vocab_size=32000", "training.sequence_length=4096", "training.micro_batch_size=32", "training.global_batch_tokens=null"];
        CommandOutcome outcome = TinyRun.Run(["train", "--out", tiny.At("run"), "--json", .. changes.SelectMany(change => (string[])["--set", change])]);
        AssertClear(UserError, "GB are free.", outcome);
        Assert.False(Directory.Exists(tiny.At("run")));
    }

    [Fact]
    public void An_energy_source_that_is_not_here_is_refused_before_data_is_prepared()
    {
        Refused("The energy source 'nvml' counts NVIDIA GPUs, and this run computes on the processor", "--set", "energy.source=nvml");
        Assert.False(Directory.Exists(tiny.At("cache")));
    }

    [Theory]
    [InlineData("nothing.txt", "no such file or folder")]
    [InlineData("empty.txt", "holds no text")]
    [InlineData("folder.txt", "no files found there that end in .txt")]
    [InlineData("picture.png", "files of this kind are not read here")]
    [InlineData("cut.jsonl.gz", "cut.jsonl.gz: is cut off or damaged")]
    [InlineData("garbage.jsonl.gz", "garbage.jsonl.gz: is cut off or damaged")]
    [InlineData("garbage.jsonl.zst", "garbage.jsonl.zst: is cut off or damaged")]
    [InlineData("broken.jsonl", "broken.jsonl, line 3: broken JSON at byte")]
    [InlineData("utf16.txt", "is UTF-16 text; convert it to UTF-8")]
    public void A_corpus_that_cannot_be_read_is_refused(string name, string expected)
    {
        byte[] compressed = Compress(TinyRun.Documents(1, 200));
        Directory.CreateDirectory(tiny.At("folder.txt"));
        File.WriteAllText(tiny.At("empty.txt"), "");
        File.WriteAllText(tiny.At("picture.png"), "x");
        File.WriteAllBytes(tiny.At("cut.jsonl.gz"), compressed[..(compressed.Length / 2)]);
        File.WriteAllText(tiny.At("garbage.jsonl.gz"), "not compressed at all");
        File.WriteAllText(tiny.At("garbage.jsonl.zst"), "not compressed at all");
        File.WriteAllText(tiny.At("broken.jsonl"), "{\"text\": \"good\"}\n{\"text\": \"good\"}\n{\"text\": \"ba\n" + TinyRun.Documents(1, 20));
        File.WriteAllText(tiny.At("utf16.txt"), "text", Encoding.Unicode);
        Refused(expected, "--set", $"data.train=[\"{tiny.At(name)}\"]", "--set", "data.max_bad_lines=0");
        Assert.False(Directory.Exists(tiny.At("run")), "a run that never began leaves no folder");
    }

    [Fact]
    public void A_cut_off_zst_is_refused()
    {
        using var zstd = Process.Start(new ProcessStartInfo("sh", ["-c", $"zstd -q '{tiny.Corpus}' -o '{tiny.At("whole.zst")}' || exit 9"]) { RedirectStandardError = true })!;
        zstd.WaitForExit();
        if (zstd.ExitCode != 0)
        {
            output.WriteLine("not run: the zstd tool is not installed");
            return;
        }

        byte[] whole = File.ReadAllBytes(tiny.At("whole.zst"));
        File.WriteAllBytes(tiny.At("cut.jsonl.zst"), whole[..(whole.Length / 2)]);
        Refused("cut.jsonl.zst: is cut off or damaged", "--set", $"data.train=[\"{tiny.At("cut.jsonl.zst")}\"]");
    }

    [Fact]
    public void Broken_lines_within_the_limit_and_invalid_UTF8_train_and_are_told()
    {
        File.WriteAllBytes(tiny.Corpus, [.. "{\"text\": \"good\"}\n{\"text\": \"ba\n{\"text\": \"\u00E9\"}\n"u8, .. "{\"text\": \"not UTF-8: "u8, 0xFF, 0xC0, .. "\"}\n"u8, .. Encoding.UTF8.GetBytes(TinyRun.Documents(1, 50))]);
        CommandOutcome outcome = TinyRun.RunProcess(["train", tiny.RecipePath, "--out", tiny.At("run"), "--json"]);
        Assert.True(outcome.Code == 0, outcome.Error);
        Assert.Contains($"1 broken JSON line(s) are left out, the first: {tiny.Corpus}, line 2: broken JSON", outcome.Error);
        Assert.Contains("1 document(s) are not valid UTF-8", outcome.Error);
        using JsonDocument result = JsonDocument.Parse(outcome.Out);
        Assert.Equal(12, result.RootElement.GetProperty("steps").GetInt32());
        Assert.Equal(
            ["run", "checkpoint", "steps", "tokens", "loss", "eval_loss", "bits_per_byte", "tokens_per_second", "mfu", "hfu", "joules", "energy_source", "grams_co2e", "cost"],
            result.RootElement.EnumerateObject().Select(member => member.Name));
    }

    [Theory]
    [InlineData("""{"model": {"type": "WordPiece", "vocab": {"a": 0}}}""", "WordPiece")]
    [InlineData("""{"model": {"type": "Unigram", "vocab": [["a", 0.0]]}}""", "Unigram")]
    [InlineData("""{"model": """, "not valid JSON")]
    public void A_tokenizer_that_is_not_supported_is_refused(string json, string expected)
    {
        File.WriteAllText(tiny.At("tokenizer.json"), json);
        Refused(expected, "--set", $"tokenizer.path={tiny.At("tokenizer.json")}");
    }

    [Fact]
    public void Shards_with_more_tokens_than_the_model_has_rows_are_refused_before_training()
    {
        string shards = Shards(300);
        Refused("280 rows cannot hold the tokenizer's 300 tokens", "--set", "data.source=shards", "--set", $"data.train=[\"{shards}\"]", "--set", "tokenizer.vocab_size=270", "--set", "model.vocab_size=280");
    }

    [Fact]
    public void Shards_of_another_tokenizer_are_refused()
    {
        string shards = Shards(300), other = Path.Combine(Shards(290), "tokenizer.json");
        Refused("was prepared with another tokenizer", "--set", "data.source=shards", "--set", $"data.train=[\"{shards}\"]", "--set", $"tokenizer.path={other}");
        foreach (string file in Directory.GetFiles(shards, "*.json")) File.Delete(file);
        Refused("give a trained tokenizer", "--set", "data.source=shards", "--set", $"data.train=[\"{shards}\"]");
    }

    [Fact]
    public void A_damaged_shard_is_refused()
    {
        string shards = Shards(300), shard = Directory.GetFiles(shards, "train-*.tokens")[0];
        byte[] bytes = File.ReadAllBytes(shard);
        bytes[200] ^= 1;
        File.WriteAllBytes(shard, bytes);
        Refused("is damaged", "--set", "data.source=shards", "--set", $"data.train=[\"{shards}\"]");
        File.WriteAllBytes(shard, bytes[..^100]);
        Refused("is cut off", "--set", "data.source=shards", "--set", $"data.train=[\"{shards}\"]");
    }

    void Refused(string expected, params string[] arguments)
    {
        CommandOutcome outcome = TinyRun.Run(["train", tiny.RecipePath, "--out", tiny.At("run"), "--json", .. arguments]);
        AssertClear(UserError, expected, outcome);
    }

    /// <summary>Progress may come before, but the end is one message, without a type's name or a stack trace.</summary>
    internal static void AssertClear(int code, string expected, CommandOutcome outcome)
    {
        Assert.True(outcome.Code == code, $"exit {outcome.Code}: {outcome.Error}");
        Assert.Empty(outcome.Out);
        Assert.Contains(expected, outcome.Error.TrimEnd('\n').Split('\n')[^1]);
        Assert.DoesNotContain("Exception", outcome.Error);
        Assert.DoesNotContain("   at ", outcome.Error);
        Assert.DoesNotContain("LITESPARK_DEBUG", outcome.Error);
    }

    /// <summary>Prepared shards of the corpus with their tokenizer beside them.</summary>
    string Shards(int vocabulary)
    {
        string folder = tiny.At($"shards-{vocabulary}");
        var options = new DataOptions { Train = [tiny.Corpus], ValidationFraction = 0.1 };
        Tokenizer tokenizer = BpeTrainer.Train(TextCorpus.ReadTraining(options).Select(document => document.Text), new BpeTrainerOptions { VocabSize = vocabulary, Threads = 1 });
        ShardPreparer.Prepare(options, tokenizer, folder, threads: 1);
        tokenizer.Save(folder);
        return folder;
    }

    static byte[] Compress(string text)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest)) gzip.Write(Encoding.UTF8.GetBytes(text));
        return bytes.ToArray();
    }
}
