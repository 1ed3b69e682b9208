using System.Text.Json.Nodes;
using Litespark.Tokenization;

namespace Litespark.Tests.Tokenization;

public sealed class FileTests : IDisposable
{
    readonly string folder = Directory.CreateTempSubdirectory("tokenizer").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Saving_keeps_the_files_as_they_were()
    {
        string json = TokenizerData.ReadCase("qwen").Json.Replace("{\"version\"", "{\"something_else\":[1,{\"a\":null}],\"version\"");
        const string Config = "{\"eos_token\":{\"content\":\"<tool>\"},\"bos_token\":null,\"chat_template\":\"x\"}";
        Write("tokenizer.json", json);
        Write("tokenizer_config.json", Config);
        Write("chat_template.jinja", "{{ x }}");
        Tokenizer first = Tokenizer.Load(folder);
        string copy = Path.Combine(folder, "copy");
        first.Save(copy);
        first.Save(Path.Combine(copy, "tokenizer.json"));
        Assert.Equal(json, File.ReadAllText(Path.Combine(copy, "tokenizer.json")));
        Assert.Equal(Config, File.ReadAllText(Path.Combine(copy, "tokenizer_config.json")));
        Assert.Equal("{{ x }}", File.ReadAllText(Path.Combine(copy, "chat_template.jinja")));
        Tokenizer second = Tokenizer.Load(Path.Combine(copy, "tokenizer.json"));
        Assert.Equal(first.Fingerprint, second.Fingerprint);
        Assert.Equal(600, second.EndOfTextId);
        Assert.Null(second.BeginOfTextId);
        Assert.Equal(603, second.VocabSize);
    }

    [Fact]
    public void A_fingerprint_depends_on_the_meaning_alone()
    {
        (string json, _) = TokenizerData.ReadCase("gpt2");
        string expected = TokenizerData.Parse(json).Fingerprint;
        JsonNode node = JsonNode.Parse(json)!;
        node["model"]!["merges"] = new JsonArray([.. node["model"]!["merges"]!.AsArray()
            .Select(merge => new JsonArray([.. merge!.GetValue<string>().Split(' ').Select(token => JsonValue.Create(token))]))]);
        node["pre_tokenizer"] = new JsonObject(node["pre_tokenizer"]!.AsObject().Reverse().Select(member => KeyValuePair.Create(member.Key, member.Value?.DeepClone())));
        Assert.Equal(expected, TokenizerData.Parse(node.ToJsonString()).Fingerprint);

        Assert.NotEqual(expected, TokenizerData.Parse(node.ToJsonString(), "{\"eos_token\":\"the\"}").Fingerprint);
        node["pre_tokenizer"]!["add_prefix_space"] = true;
        Assert.NotEqual(expected, TokenizerData.Parse(node.ToJsonString()).Fingerprint);
        Assert.NotEqual(expected, TokenizerData.LoadCase("llama3").Fingerprint);
    }

    [Theory]
    [InlineData("{\"eos_token\":\"the\"}", "{\"eos_token_id\":3}", "{\"eos_token_id\":4}", 259)]
    [InlineData("{}", "{\"eos_token_id\":[3,5]}", "{\"eos_token_id\":4}", 3)]
    [InlineData("{\"eos_token\":null}", "{\"other\":3}", "{\"eos_token_id\":4}", 4)]
    [InlineData("{}", "{}", "{}", 599)]
    public void The_end_of_text_is_looked_up_in_the_files_beside(string tokenizer, string generation, string model, int expected)
    {
        Write("tokenizer.json", TokenizerData.ReadCase("gpt2").Json);
        Write("tokenizer_config.json", tokenizer);
        Write("generation_config.json", generation);
        Write("config.json", model);
        Assert.Equal(expected, Tokenizer.Load(folder).EndOfTextId);
    }

    [Fact]
    public void A_missing_end_of_text_is_told_when_it_is_needed()
    {
        JsonNode json = JsonNode.Parse(TokenizerData.ReadCase("gpt2").Json)!;
        json["added_tokens"] = new JsonArray();
        Tokenizer tokenizer = TokenizerData.Parse(json.ToJsonString());
        Assert.Contains("eos_token", Assert.Throws<UserErrorException>(() => tokenizer.EndOfTextId).Message);
    }

    [Theory]
    [InlineData("model", "{\"type\":\"WordPiece\",\"vocab\":{}}", "model: \"WordPiece\" is not supported; supported are: BPE")]
    [InlineData("model", "{\"type\":\"Unigram\",\"vocab\":[]}", "model: \"Unigram\"")]
    [InlineData("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}", "\"b\" is used by a merge")]
    [InlineData("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"ab\"]}", "model.merges: \"ab\" must be a pair")]
    [InlineData("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}", "the id 0")]
    [InlineData("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}", "model.vocab: the id of \"a\"")]
    [InlineData("model", "{\"type\":\"BPE\",\"vocab\":{},\"merges\":[],\"end_of_word_suffix\":\"</w>\"}", "model.end_of_word_suffix")]
    [InlineData("model", "{\"type\":\"BPE\",\"vocab\":{},\"merges\":[],\"dropout\":0.1}", "model.dropout")]
    [InlineData("model", "{\"type\":\"BPE\",\"vocab\":{},\"merges\":[],\"dropout\":\"x\"}", "model.dropout")]
    [InlineData("normalizer", "{\"type\":\"BertNormalizer\"}", "normalizer: \"BertNormalizer\" is not supported; supported are: Sequence, NFC")]
    [InlineData("normalizer", "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Precompiled\"}]}", "normalizer.normalizers[0]: \"Precompiled\"")]
    [InlineData("pre_tokenizer", "{\"type\":\"UnicodeScripts\"}", "pre_tokenizer: \"UnicodeScripts\"")]
    [InlineData("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"},\"behavior\":\"Isolated\"}", "pre_tokenizer.pattern.Regex")]
    [InlineData("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"String\":\"x\"},\"behavior\":\"Sideways\"}", "pre_tokenizer.behavior")]
    [InlineData("post_processor", "{\"type\":\"Other\"}", "post_processor: \"Other\"")]
    [InlineData("decoder", "{\"type\":\"WordPiece\"}", "decoder: \"WordPiece\"")]
    [InlineData("added_tokens", "[{\"id\":-5,\"content\":\"<x>\"}]", "added_tokens[0].id")]
    public void What_is_not_supported_is_told_with_its_place(string member, string value, string expected)
    {
        JsonNode json = JsonNode.Parse(TokenizerData.ReadCase("gpt2").Json)!;
        json[member] = JsonNode.Parse(value);
        string message = Assert.Throws<UserErrorException>(() => TokenizerData.Parse(json.ToJsonString())).Message;
        Assert.StartsWith("test.json: ", message);
        Assert.Contains(expected, message);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("{\"model\":3}")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"\\ud800\":0},\"merges\":[]}}")]
    public void A_broken_file_is_told(string json)
    {
        Write("tokenizer.json", json);
        Assert.Contains("tokenizer.json", Assert.Throws<UserErrorException>(() => Tokenizer.Load(folder)).Message);
        Assert.Contains("no such file", Assert.Throws<UserErrorException>(() => Tokenizer.Load(Path.Combine(folder, "none"))).Message);
    }

    void Write(string name, string text) => File.WriteAllText(Path.Combine(folder, name), text);
}
