using System.Text;
using System.Text.Json.Nodes;
using Litespark.Tokenization;

namespace Litespark.Tests.Tokenization;

public class GoldenTests
{
    public static TheoryData<string> Cases => new(TokenizerData.CaseNames);

    [Theory]
    [MemberData(nameof(Cases))]
    public void Ids_and_texts_are_those_of_the_independent_library(string name)
    {
        (string json, JsonArray vectors) = TokenizerData.ReadCase(name);
        Tokenizer tokenizer = TokenizerData.Parse(json);
        Assert.Equal(TokenizerData.Corpus.Length, vectors.Count);
        for (int i = 0; i < vectors.Count; i++)
        {
            string text = TokenizerData.Corpus[i];
            int[] ids = tokenizer.Encode(text);
            Assert.True(
                vectors[i]!["ids"]!.AsArray().Select(id => id!.GetValue<int>()).SequenceEqual(ids),
                $"text {i} ({text}): expected {vectors[i]!["ids"]!.ToJsonString()}, got [{string.Join(",", ids)}]");
            Assert.Equal(vectors[i]!["decoded"]!.GetValue<string>(), tokenizer.Decode(ids));
            Assert.Equal(vectors[i]!["skipped"]!.GetValue<string>(), tokenizer.Decode(ids, skipSpecial: true));
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Streamed_text_is_the_whole_text(string name)
    {
        Tokenizer tokenizer = TokenizerData.LoadCase(name);
        IncrementalDecoder decoder = tokenizer.CreateDecoder(skipSpecial: true);
        foreach (string text in TokenizerData.Corpus)
        {
            int[] ids = tokenizer.Encode(text);
            var streamed = new StringBuilder();
            foreach (int id in ids)
            {
                string part = decoder.Add(id);
                Assert.False(part.Length > 0 && char.IsHighSurrogate(part[^1]));
                streamed.Append(part);
            }
            streamed.Append(decoder.Flush());
            Assert.Equal(tokenizer.Decode(ids, skipSpecial: true), streamed.ToString());
        }
    }
}
