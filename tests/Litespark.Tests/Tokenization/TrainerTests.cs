using System.Text;
using System.Text.Json.Nodes;
using Litespark.Tokenization;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tests.Tokenization;

public class TrainerTests
{
    static IEnumerable<ReadOnlyMemory<byte>> Documents(IEnumerable<string> texts) => texts.Select(text => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(text));

    static JsonNode Json(Tokenizer tokenizer)
    {
        string folder = Directory.CreateTempSubdirectory("tokenizer").FullName;
        tokenizer.Save(folder);
        JsonNode json = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "tokenizer.json")))!;
        Directory.Delete(folder, recursive: true);
        return json;
    }

    [Fact]
    public void Training_on_the_corpus_gives_the_committed_vocabulary()
    {
        Tokenizer trained = BpeTrainer.Train(Documents(TokenizerData.Corpus), new BpeTrainerOptions { VocabSize = 600 });
        Assert.Equal(600, trained.VocabSize);
        Assert.Equal(599, trained.EndOfTextId);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(TokenizerData.Read("byte-level.tokenizer.json")), Json(trained)));
    }

    [Theory]
    [InlineData(BpeTrainerOptions.DefaultPattern, 2)]
    [InlineData(GptScanner.Gpt2Pattern, 1)]
    [InlineData(@"\w+|\W", 3)]
    public void Merges_are_those_of_the_naive_algorithm(string pattern, int minFrequency)
    {
        string[] texts = [.. TokenizerData.Corpus.Where(text => !text.Any(char.IsSurrogate)).Take(30), "aaaa aaaaaaa aaa", "ababababab abab bababa", "abcabcabc bcabca"];
        var options = new BpeTrainerOptions { VocabSize = 256 + 150 + 1, Pattern = pattern, MinFrequency = minFrequency, MaxTokenBytes = int.MaxValue };
        string ours = pattern.Replace(@"\w", @"[\p{L}\p{M}\p{N}\p{Pc}]").Replace(@"\W", @"[^\p{L}\p{M}\p{N}\p{Pc}]");
        Assert.Equal(
            NaiveBpe.Train(texts, ours, 150, minFrequency),
            Json(BpeTrainer.Train(Documents(texts), options))["model"]!["merges"]!.AsArray().Select(merge => merge!.GetValue<string>()));
    }

    [Fact]
    public void Threads_and_order_make_no_difference()
    {
        string[] texts = [.. Enumerable.Range(0, 20).SelectMany(i => TokenizerData.Corpus.Skip(i))];
        var options = new BpeTrainerOptions { VocabSize = 500, Threads = 1 };
        string expected = BpeTrainer.Train(Documents(texts), options).Fingerprint;
        foreach (int threads in (int[])[2, 3, 8])
            Assert.Equal(expected, BpeTrainer.Train(Documents(texts.Reverse()), options with { Threads = threads }).Fingerprint);
    }

    [Fact]
    public void Long_words_and_invalid_bytes_are_no_trouble()
    {
        var random = new Random(3);
        byte[] word = Encoding.UTF8.GetBytes(new string(random.GetItems("abcd".AsSpan(), 300_000)));
        byte[] noise = new byte[20_000];
        random.NextBytes(noise);
        byte[] same = Encoding.UTF8.GetBytes(new string('x', 100_000));
        Tokenizer trained = BpeTrainer.Train([word, noise, same], new BpeTrainerOptions { VocabSize = 1000, MaxTokenBytes = 16 });
        Assert.Equal(1000, trained.VocabSize);
        Assert.Equal(16, Enumerable.Range(0, 999).Max(id => trained.TokenBytes(id).Length));
        Assert.Equal(noise, trained.DecodeBytes(trained.EncodeBytes(noise)));
    }

    [Fact]
    public void A_small_corpus_gives_a_smaller_vocabulary()
    {
        Tokenizer trained = BpeTrainer.Train(Documents(["ab ab ab"]), new BpeTrainerOptions
        {
            VocabSize = 5000, SpecialTokens = ["<s>", "</s>", "ab"], EndOfText = "</s>", BeginOfText = "<s>", ModelMaxLength = 77,
        });
        // 256 bytes, "ab", " ab", two special tokens: the third one is a token already.
        Assert.Equal(260, trained.VocabSize);
        Assert.Equal(259, trained.EndOfTextId);
        Assert.Equal(258, trained.BeginOfTextId);
        Assert.Equal("<s>ab ab", trained.Decode(trained.Encode("ab ab")));
        Assert.Equal(" ", trained.Decode(trained.Encode("ab ab"), skipSpecial: true));
    }

    [Fact]
    public void Wrong_options_are_told()
    {
        Expect("at least 257", new BpeTrainerOptions { VocabSize = 100 });
        Expect("special_tokens is empty", new BpeTrainerOptions { SpecialTokens = [] });
        Expect("repeated", new BpeTrainerOptions { SpecialTokens = ["<a>", "<a>"] });
        Expect("<b> is not among", new BpeTrainerOptions { BeginOfText = "<b>" });
        Expect("pattern", new BpeTrainerOptions { Pattern = "(" });
        Expect("min_frequency", new BpeTrainerOptions { MinFrequency = 0 });

        static void Expect(string part, BpeTrainerOptions options) =>
            Assert.Contains(part, Assert.Throws<UserErrorException>(() => BpeTrainer.Train([], options)).Message);
    }
}
