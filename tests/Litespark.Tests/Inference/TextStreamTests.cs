using System.Text;
using Litespark.Inference;

namespace Litespark.Tests.Inference;

public sealed class TextStreamTests
{
    [Fact]
    public void Pieces_are_whole_characters_and_make_up_the_text()
    {
        const string text = "naïve 🐈‍⬛ 漢字 é e\u0301 end";
        int[] tokens = ToyText.Tokenizer.Encode(text);
        Assert.True(tokens.Length > text.EnumerateRunes().Count(), "some characters must be spread over tokens");
        var pieces = new List<string>();
        var stream = new TextStream(ToyText.Tokenizer, [], ["never"], pieces.Add);
        foreach (int token in tokens) Assert.False(stream.Add(token));
        Assert.False(stream.End());
        Assert.Equal(text, string.Concat(pieces));
        Assert.Equal(text, stream.Text);
        Assert.All(pieces, piece => Assert.DoesNotContain(piece.EnumerateRunes(), rune => rune == Rune.ReplacementChar));
    }

    [Theory]
    [InlineData("the cat sat on the mat", "cat", "the ")]
    [InlineData("the cat sat on the mat", "t s", "the ca")]
    [InlineData("aaaab", "aab", "aa")]
    [InlineData("abababac", "ababac", "ab")]
    [InlineData("where 🐈 is", "🐈", "where ")]
    [InlineData("the cat", "t", "")]
    public void Text_ends_before_a_stop_text_even_across_tokens(string text, string stop, string expected)
    {
        foreach (string[] stops in (string[][])[[stop], ["zzz", stop, stop + "x"]])
        {
            (string emitted, bool stopped) = Stream(text, stops);
            Assert.True(stopped);
            Assert.Equal(expected, emitted);
        }
    }

    [Fact]
    public void Of_several_stop_texts_the_one_complete_first_counts()
    {
        Assert.Equal(("the c", true), Stream("the cat sat", ["sat", "cat s", "at"]));
        Assert.Equal(("the ", true), Stream("the cat sat", ["at", "cat"]));
    }

    [Fact]
    public void The_beginning_of_a_stop_text_that_stays_one_is_emitted_at_the_end()
        => Assert.Equal(("the cat sa", false), Stream("the cat sa", ["sat", "a dog"]));

    [Fact]
    public void Text_is_emitted_as_soon_as_no_stop_text_can_begin_in_it()
    {
        var pieces = new List<string>();
        var stream = new TextStream(ToyText.Tokenizer, [], ["xyz"], pieces.Add);
        foreach (int token in ToyText.Tokenizer.Encode("abx")) stream.Add(token);
        Assert.Equal("ab", string.Concat(pieces));
        foreach (int token in ToyText.Tokenizer.Encode("yy")) stream.Add(token);
        Assert.Equal("abxyy", string.Concat(pieces));
    }

    [Fact]
    public void A_character_begun_by_the_prompt_comes_out_whole()
    {
        int[] tokens = ToyText.Tokenizer.Encode("漢");
        Assert.True(tokens.Length > 1);
        var stream = new TextStream(ToyText.Tokenizer, tokens.AsSpan(0, 1), [], null);
        foreach (int token in tokens.AsSpan(1)) stream.Add(token);
        stream.End();
        Assert.Equal("漢", stream.Text);
    }

    [Fact]
    public void Special_tokens_are_no_text()
    {
        var stream = new TextStream(ToyText.Tokenizer, [], [], null);
        foreach (int token in (int[])[.. ToyText.Tokenizer.Encode("a"), ToyText.Tokenizer.EndOfTextId, .. ToyText.Tokenizer.Encode("b")]) stream.Add(token);
        stream.End();
        Assert.Equal("ab", stream.Text);
    }

    static (string Text, bool Stopped) Stream(string text, string[] stops)
    {
        var pieces = new List<string>();
        var stream = new TextStream(ToyText.Tokenizer, [], stops, pieces.Add);
        bool stopped = ToyText.Tokenizer.Encode(text).Any(stream.Add) || stream.End();
        Assert.Equal(stream.Text, string.Concat(pieces));
        return (stream.Text, stopped);
    }
}
