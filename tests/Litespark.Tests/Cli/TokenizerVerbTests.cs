using System.Text.Json;

namespace Litespark.Tests.Cli;

public sealed class TokenizerVerbTests : IDisposable
{
    const string Nasty = "Crème brûlée 🦊 家\t<|endoftext|>  double  spaces\r\n";

    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    string Train()
    {
        string text = folder.File("text.txt"), path = folder.File("tokenizer");
        File.WriteAllText(text, string.Concat(Enumerable.Range(0, 200).Select(i => $"The quick brown fox jumps over lazy dog number {i}.\n")));
        JsonElement trained = CliRun.Of("tokenizer", "train", "--input", text, "--vocab-size", "300", "--set", "data.validation_fraction=0", "--set", "evaluation.every_steps=0", "--out", path, "--json").Json()
            .Has("out", "vocab_size", "fingerprint");
        Assert.Equal(300, trained.GetProperty("vocab_size").GetInt32());
        return path;
    }

    [Fact]
    public void Text_becomes_tokens_and_the_same_text_again()
    {
        string tokenizer = Train();
        JsonElement encoded = CliRun.Of("tokenizer", "encode", "--tokenizer", tokenizer, Nasty, "--json").Json().Has("tokens", "count");
        string[] ids = [.. encoded.GetProperty("tokens").EnumerateArray().Select(id => id.GetRawText())];
        Assert.Equal(encoded.GetProperty("count").GetInt32(), ids.Length);
        Assert.Equal(Nasty, CliRun.Of(["tokenizer", "decode", "--tokenizer", tokenizer, .. ids, "--json"]).Json().Has("text").GetProperty("text").GetString());
        Assert.Equal(Nasty + "\n", CliRun.Of("tokenizer", "decode", "--tokenizer", tokenizer, string.Join(", ", ids)).Out);

        string file = folder.File("nasty.txt");
        File.WriteAllText(file, Nasty);
        Assert.Equal(string.Join(' ', ids) + "\n", CliRun.Of("tokenizer", "encode", "--tokenizer", tokenizer, "--file", file).Out);
        Assert.Contains("quick", CliRun.Of("tokenizer", "decode", "--tokenizer", tokenizer, CliRun.Of("tokenizer", "encode", "--tokenizer", tokenizer, "a quick fox").Out.Trim()).Out);
    }

    [Fact]
    public void Special_tokens_are_text_unless_asked_for()
    {
        string tokenizer = Train();
        int Count(params string[] more) => CliRun.Of(["tokenizer", "encode", "--tokenizer", tokenizer, "<|endoftext|>", "--json", .. more]).Json().GetProperty("count").GetInt32();
        Assert.True(Count() > 1);
        Assert.Equal(1, Count("--special"));
        string id = CliRun.Of("tokenizer", "encode", "--tokenizer", tokenizer, "<|endoftext|>", "--special").Out.Trim();
        Assert.Equal("\n", CliRun.Of("tokenizer", "decode", "--tokenizer", tokenizer, "--skip-special", id).Out);
    }

    [Fact]
    public void Wrong_input_is_a_user_error()
    {
        string tokenizer = Train();
        CliRun.Of("tokenizer", "decode", "--tokenizer", tokenizer, "300").AssertUserError("ids are whole numbers from 0 to 299");
        CliRun.Of("tokenizer", "decode", "--tokenizer", tokenizer, "x").AssertUserError("'x' is no token");
        CliRun.Of("tokenizer", "encode", "--tokenizer", folder.File("none"), "a").AssertUserError("no such file");
        CliRun.Of("tokenizer", "encode", "--tokenizer", tokenizer, "a", "--file", "b").AssertUserError("keep one of them");
        CliRun.Of("tokenizer", "encode", "--tokenizer", tokenizer, "--file", folder.File("none")).AssertUserError("cannot be read");
        CliRun.Of("tokenizer", "train", "--out", tokenizer).AssertUserError("is not empty");
        CliRun.Of("tokenizer", "train", "--set", "data.source=synthetic", "--out", folder.File("new")).AssertUserError("source 'synthetic' has none");
        CliRun.Of("tokenizer", "train", "--vocab-size", "10", "--out", folder.File("new")).AssertUserError("a whole number above 256");
        CliRun.Of("tokenizer", "encode", "a").AssertUserError("'--tokenizer'");
    }
}
