using System.Text;
using System.Text.Json.Nodes;
using Litespark.Tokenization;
using Litespark.Tokenization.Files;

namespace Litespark.Tests.Tokenization;

/// <summary>
/// The files under Data: small vocabularies of our own, a corpus of nasty texts, and what Hugging Face's library makes of them.
/// </summary>
internal static class TokenizerData
{
    /// <summary>The repository's root.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The nasty texts.</summary>
    public static string[] Corpus { get; } = [.. JsonNode.Parse(Read("corpus.json"))!.AsArray().Select(text => text!.GetValue<string>())];

    /// <summary>The names of the golden cases.</summary>
    public static IEnumerable<string> CaseNames => Directory.GetFiles(PathOf("cases"), "*.json").Select(file => Path.GetFileNameWithoutExtension(file)!).Order();

    public static string PathOf(string name) => Path.Combine(Root, "tests", "Litespark.Tests", "Tokenization", "Data", name);

    public static string Read(string name) => File.ReadAllText(PathOf(name));

    /// <summary>A golden case: its base with the patch over it, and its vectors in the order of the corpus.</summary>
    public static (string Json, JsonArray Vectors) ReadCase(string name)
    {
        JsonNode golden = JsonNode.Parse(Read($"cases/{name}.json"))!;
        JsonObject json = JsonNode.Parse(Read(golden["base"]!.GetValue<string>()))!.AsObject();
        foreach ((string member, JsonNode? value) in golden["patch"]!.AsObject())
        {
            if (member != "model")
            {
                json[member] = value?.DeepClone();
                continue;
            }
            foreach ((string option, JsonNode? setting) in value!.AsObject())
                json["model"]![option] = setting?.DeepClone();
        }
        return (json.ToJsonString(), golden["vectors"]!.AsArray());
    }

    public static Tokenizer LoadCase(string name) => Parse(ReadCase(name).Json);

    public static Tokenizer Parse(string json, string? config = null) =>
        new(TokenizerFiles.InMemory("test.json", Encoding.UTF8.GetBytes(json), config is null ? null : Encoding.UTF8.GetBytes(config)));

    public static int[] EncodeBytes(this Tokenizer tokenizer, ReadOnlySpan<byte> bytes)
    {
        var tokens = new List<int>();
        tokenizer.Encode(bytes, tokens);
        return [.. tokens];
    }

    static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Litespark.slnx")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("The tests must run below the repository's root.");
    }
}
