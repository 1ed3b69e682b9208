using System.Text.Json.Nodes;
using Litespark.Data;
using Litespark.Data.Loading;
using Litespark.Inference;
using Litespark.Tokenization;

namespace Litespark.Tests.Inference;

public sealed class PromptTests : IDisposable
{
    readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_prompt_begins_as_documents_do_in_training_and_evaluation(bool endInTemplate)
    {
        Tokenizer tokenizer = WithBeginOfText(endInTemplate);
        int begin = tokenizer.TokenId("<s>")!.Value, end = tokenizer.TokenId("</s>")!.Value;
        Assert.Equal([begin], tokenizer.DocumentPrefix);
        const string text = "the cat sat on the mat.";
        int[] prompt = Generator.EncodePrompt(tokenizer, text);
        Assert.Equal([begin, .. tokenizer.Encode(text, addSpecial: false)], prompt);
        Assert.Equal([begin], Generator.EncodePrompt(tokenizer, ""));

        string path = folder.File("text.jsonl");
        File.WriteAllText(path, $"{{\"text\": \"{text}\"}}\n");
        using DataPipeline data = DataPipeline.Open(
            new DataOptions { Train = [path], Validation = [path], CacheDir = folder.File("cache") }, tokenizer, seed: 1, threads: 1);
        using BatchLoader loader = data.CreateLoader(prompt.Length + 1, 1, 1);
        using ValidationLoader validation = data.CreateValidation(prompt.Length + 1, 1, long.MaxValue)!;
        Assert.True(validation.TryNext(out MicroBatch heldOut, out int targets));
        Assert.Equal(prompt.Length, targets); // The text and its end.
        foreach (MicroBatch batch in (MicroBatch[])[loader.Next().MicroBatches[0], heldOut])
        {
            Assert.Equal([.. prompt, end], batch.Tokens);
            Assert.Equal([.. prompt[1..], end, MicroBatch.IgnoredTarget], batch.Targets);
        }
    }

    [Fact]
    public void Without_a_template_nothing_is_put_before_a_text()
    {
        Assert.Empty(ToyText.Tokenizer.DocumentPrefix);
        Assert.Equal(ToyText.Tokenizer.Encode("the cat"), Generator.EncodePrompt(ToyText.Tokenizer, "the cat"));
        Assert.Equal([ToyText.Tokenizer.EndOfTextId], Generator.EncodePrompt(ToyText.Tokenizer, ""));
    }

    /// <summary>A tokenizer.json whose template puts a token before a text, and perhaps one behind it, which no prompt may end with.</summary>
    Tokenizer WithBeginOfText(bool endInTemplate)
    {
        BpeTrainer.Train([], new BpeTrainerOptions { VocabSize = 258, SpecialTokens = ["<s>", "</s>"], EndOfText = "</s>", BeginOfText = "<s>" }).Save(folder.Path);
        if (endInTemplate)
        {
            string path = folder.File("tokenizer.json");
            JsonNode json = JsonNode.Parse(File.ReadAllText(path))!;
            JsonNode template = json["post_processor"]!;
            template["single"]!.AsArray().Add(JsonNode.Parse("""{"SpecialToken": {"id": "</s>", "type_id": 0}}"""));
            template["special_tokens"]!["</s>"] = JsonNode.Parse("""{"id": "</s>", "ids": [257], "tokens": ["</s>"]}""");
            File.WriteAllText(path, json.ToJsonString());
        }

        return Tokenizer.Load(folder.Path);
    }
}
