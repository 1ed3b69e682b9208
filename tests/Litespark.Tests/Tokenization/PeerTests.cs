using System.Diagnostics;
using System.Text.Json.Nodes;
using Litespark.Tokenization;
using Xunit.Abstractions;

namespace Litespark.Tests.Tokenization;

/// <summary>
/// Compares with Hugging Face's own library on random texts, where it is installed (npm install in tests/peers/tokenizers).
/// The golden vectors, which it made too, are always compared.
/// </summary>
public class PeerTests(ITestOutputHelper output)
{
    static readonly string Peer = Path.Combine(TokenizerData.Root, "tests", "peers", "tokenizers");

    [Fact]
    public void Random_texts_have_the_ids_of_the_independent_library()
    {
        if (!Directory.Exists(Path.Combine(Peer, "node_modules", "tokenizers")))
        {
            output.WriteLine($"Not compared: the library is not installed; run npm install in {Peer}.");
            return;
        }
        string[] texts = RandomTexts(300);
        foreach (string name in TokenizerData.CaseNames)
        {
            (string json, _) = TokenizerData.ReadCase(name);
            Tokenizer tokenizer = TokenizerData.Parse(json);
            JsonArray results = RunPeer(json, texts);
            for (int i = 0; i < texts.Length; i++)
            {
                int[] ids = tokenizer.Encode(texts[i]);
                string expected = string.Join(",", results[i]!["ids"]!.AsArray());
                Assert.True(expected == string.Join(",", ids), $"{name}: {JsonValue.Create(texts[i]).ToJsonString()}: expected {expected}, got {string.Join(",", ids)}");
                Assert.Equal(results[i]!["decoded"]!.GetValue<string>(), tokenizer.Decode(ids));
                Assert.Equal(results[i]!["skipped"]!.GetValue<string>(), tokenizer.Decode(ids, skipSpecial: true));
            }
        }
    }

    /// <summary>Cuts of the corpus, joined at random.</summary>
    static string[] RandomTexts(int count)
    {
        var random = new Random(29);
        string[] corpus = [.. TokenizerData.Corpus.Where(text => text.Length > 0)];
        return [.. Enumerable.Range(0, count).Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 7)).Select(_ =>
        {
            string[] characters = [.. corpus[random.Next(corpus.Length)].EnumerateRunes().Select(rune => rune.ToString())];
            int start = random.Next(characters.Length);
            return string.Concat(characters.Skip(start).Take(random.Next(1, 12)));
        })))];
    }

    static JsonArray RunPeer(string tokenizer, string[] texts)
    {
        string folder = Directory.CreateTempSubdirectory("peer").FullName;
        try
        {
            string tokenizerFile = Path.Combine(folder, "tokenizer.json");
            string textsFile = Path.Combine(folder, "texts.json");
            File.WriteAllText(tokenizerFile, tokenizer);
            File.WriteAllText(textsFile, new JsonArray([.. texts.Select(text => JsonValue.Create(text))]).ToJsonString());
            var start = new ProcessStartInfo("node", [Path.Combine(Peer, "peer.mjs"), tokenizerFile, textsFile]) { RedirectStandardOutput = true };
            using Process process = Process.Start(start)!;
            string json = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.Equal(0, process.ExitCode);
            return JsonNode.Parse(json)!.AsArray();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
