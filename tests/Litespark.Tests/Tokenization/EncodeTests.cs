using System.Text;
using System.Text.Json.Nodes;
using Litespark.Tokenization;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tests.Tokenization;

public class EncodeTests
{
    static readonly string[] Fragments =
    [
        "the", " the", " ", "  ", "\n", "\r\n", "\t", "\u00a0", "a", "B", "'s", "'LL", "12", "3456", "é", "e\u0301", "漢", "ש", "-", "...", " of", "ing", "_",
    ];

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama3")]
    [InlineData("o200k")]
    [InlineData("cl100k")]
    [InlineData("several-splits")]
    [InlineData("behaviours")]
    [InlineData("llama2")]
    [InlineData("gemma")]
    public void Any_bytes_come_back_exactly(string name)
    {
        Tokenizer tokenizer = TokenizerData.LoadCase(name);
        var random = new Random(7);
        for (int round = 0; round < 200; round++)
        {
            var noise = new byte[random.Next(120)];
            random.NextBytes(noise);
            // Half of the rounds: noise between good text, which must survive beside it.
            byte[] bytes = round % 2 == 0 ? noise : [.. Encoding.UTF8.GetBytes(string.Concat(random.GetItems(Fragments, 8))), .. noise];
            Assert.Equal(bytes, tokenizer.DecodeBytes(tokenizer.EncodeBytes(bytes)));
        }
        byte[][] nasty = [[0xFF], [0x00], [0xC3], [0xE2, 0x82], [0xED, 0xB2, 0x80], [0x61, 0xF0, 0x9F, 0x98], [0x20, 0xC3, 0x28, 0x0A], [0xF0, 0x9F, 0x98, 0x80, 0x80]];
        foreach (byte[] bytes in nasty)
            Assert.Equal(bytes, tokenizer.DecodeBytes(tokenizer.EncodeBytes(bytes)));
    }

    [Theory]
    [InlineData("gpt2", GptScanner.Gpt2Pattern)]
    [InlineData("llama3", GptScanner.Llama3Pattern)]
    [InlineData("qwen", GptScanner.QwenPattern)]
    public void Ids_are_those_of_the_naive_algorithm(string name, string pattern)
    {
        JsonNode json = JsonNode.Parse(TokenizerData.ReadCase(name).Json)!;
        json["normalizer"] = null;
        Tokenizer tokenizer = TokenizerData.Parse(json.ToJsonString());
        var random = new Random(11);
        for (int round = 0; round < 300; round++)
        {
            string text = string.Concat(random.GetItems(Fragments, random.Next(1, 25)));
            Assert.Equal(NaiveBpe.Encode(json, pattern, text), tokenizer.Encode(text, addSpecial: false));
        }
    }

    [Fact]
    public void Long_words_merge_as_short_ones_do()
    {
        JsonNode json = JsonNode.Parse(TokenizerData.ReadCase("gpt2").Json)!;
        Tokenizer tokenizer = TokenizerData.Parse(json.ToJsonString());
        var random = new Random(13);
        for (int round = 0; round < 5; round++)
        {
            string word = string.Concat(random.GetItems(["the", "ing", "aa", "o", "n", "re", "é"], 400));
            Assert.Equal(NaiveBpe.Encode(json, GptScanner.Gpt2Pattern, word), tokenizer.Encode(word));
        }
    }

    [Theory]
    [InlineData("gpt2")]
    [InlineData("llama2")]
    [InlineData("mistral")]
    public void A_word_of_a_megabyte_is_no_trouble(string name)
    {
        Tokenizer tokenizer = TokenizerData.LoadCase(name);
        var random = new Random(17);
        byte[] word = Encoding.UTF8.GetBytes(new string(random.GetItems("abcdefghij".AsSpan(), 1 << 20)));
        Assert.Equal(word, tokenizer.DecodeBytes(tokenizer.EncodeBytes(word)));
    }

    [Fact]
    public void Cutting_at_space_markers_changes_nothing()
    {
        // A merge over a marker, of tokens that don't occur, turns the shortcut off.
        Tokenizer quick = TokenizerData.LoadCase("llama2");
        JsonNode json = JsonNode.Parse(TokenizerData.ReadCase("llama2").Json)!;
        int next = json["model"]!["vocab"]!.AsObject().Count;
        json["model"]!["vocab"]!["\u0010"] = next;
        json["model"]!["vocab"]!["\u0010▁"] = next + 1;
        json["model"]!["merges"]!.AsArray().Add(new JsonArray("\u0010", "▁"));
        Tokenizer plain = TokenizerData.Parse(json.ToJsonString());
        string text = string.Join(" ", TokenizerData.Corpus).Replace("\u0010", "");
        Assert.Equal(plain.Encode(text), quick.Encode(text));
    }

    [Fact]
    public void Raw_text_never_becomes_special_tokens()
    {
        Tokenizer tokenizer = TokenizerData.LoadCase("llama3");
        const string Text = "a<|endoftext|>b<|begin_of_text|>";
        int[] raw = tokenizer.EncodeBytes(Encoding.UTF8.GetBytes(Text));
        Assert.DoesNotContain(raw, tokenizer.IsSpecial);
        Assert.Equal(raw, tokenizer.Encode(Text, parseSpecial: false, addSpecial: false));
        Assert.Equal(Text, tokenizer.Decode(raw));
        Assert.Equal([600, tokenizer.TokenId("a")!.Value, 599, tokenizer.TokenId("b")!.Value, 600], tokenizer.Encode(Text));
    }

    [Fact]
    public void Many_threads_give_the_same_tokens()
    {
        Tokenizer tokenizer = TokenizerData.LoadCase("qwen");
        byte[][] texts = [.. TokenizerData.Corpus.Select(Encoding.UTF8.GetBytes)];
        int[][] expected = [.. texts.Select(text => tokenizer.EncodeBytes(text))];
        Parallel.For(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
            Assert.Equal(expected[i % texts.Length], tokenizer.EncodeBytes(texts[i % texts.Length])));
    }

    [Fact]
    public void A_lone_surrogate_in_a_string_is_replaced()
    {
        Tokenizer tokenizer = TokenizerData.LoadCase("gpt2");
        Assert.Equal("a\uFFFDb\uFFFD", tokenizer.Decode(tokenizer.Encode("a\uDC80b\uD83D")));
    }

    [Fact]
    public void Half_a_character_waits_for_its_other_half()
    {
        Tokenizer tokenizer = TokenizerData.LoadCase("gpt2");
        int[] bytes = [.. "😀"u8.ToArray().Select(value => tokenizer.TokenId(ByteAlphabet.ToChar(value).ToString())!.Value)];
        IncrementalDecoder decoder = tokenizer.CreateDecoder();
        Assert.Equal(["", "", "", "😀"], bytes.Select(decoder.Add));
        Assert.Equal("", decoder.Add(bytes[0]));
        Assert.Equal("\uFFFD", decoder.Flush());
        Assert.Equal("", decoder.Flush());
        Assert.Equal([0xF0], tokenizer.TokenBytes(bytes[0]).ToArray());
        Assert.Empty(tokenizer.TokenBytes(1 << 20).ToArray());
    }
}
