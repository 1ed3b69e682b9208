using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Litespark.Tokenization.Bpe;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization.Files;

/// <summary>Everything that a tokenizer.json says, read and checked.</summary>
internal sealed class TokenizerDefinition
{
    /// <summary>The vocabulary and merges.</summary>
    public required BpeModel Model { get; init; }

    /// <summary>Tokens found in the text itself.</summary>
    public required List<AddedToken> Added { get; init; }

    /// <summary>The first stage; null: none.</summary>
    public required Normalizer? Normalizer { get; init; }

    /// <summary>The stages before the model.</summary>
    public required List<PreTokenizer> PreTokenizers { get; init; }

    /// <summary>Whether the model sees bytes.</summary>
    public required bool ByteLevel { get; init; }

    /// <summary>What goes around a text.</summary>
    public required SpecialTemplate Template { get; init; }

    /// <summary>The way back to text.</summary>
    public required DecoderRules Decoder { get; init; }

    /// <summary>The rules other than vocabulary and merges as canonical JSON, for the fingerprint.</summary>
    public required byte[] Rules { get; init; }

    /// <summary>Reads a file's bytes.</summary>
    /// <exception cref="UserErrorException">The JSON is broken, or holds a component that isn't supported.</exception>
    public static TokenizerDefinition Read(byte[] json, string file)
    {
        try
        {
            return ReadParts(json, file);
        }
        catch (InvalidOperationException error)
        {
            // Strings are decoded only now: half a surrogate pair or invalid UTF-8 in one comes to light here.
            throw new UserErrorException($"{file}: a string in it is not valid text: {error.Message}", error);
        }
    }

    static TokenizerDefinition ReadParts(byte[] json, string file)
    {
        var root = new JsonPart(file, "", TokenizerFiles.ParseRoot(json, file));
        root.Expect(JsonValueKind.Object);
        var stages = new List<PreTokenizer>();
        bool byteLevel = PipelineReader.ReadPreTokenizer(root["pre_tokenizer"], stages);
        BpeModel model = ModelReader.ReadModel(root["model"]);
        return new TokenizerDefinition
        {
            Model = model,
            Added = ModelReader.ReadAdded(root["added_tokens"], model),
            Normalizer = PipelineReader.ReadNormalizer(root["normalizer"]),
            PreTokenizers = stages,
            ByteLevel = byteLevel,
            Template = OutputReader.ReadTemplate(root["post_processor"]),
            Decoder = OutputReader.ReadDecoder(root["decoder"], byteLevel),
            Rules = CanonicalRules(root.Value),
        };
    }

    /// <summary>A hash of what decides tokens and text: the same for two files that differ only in their writing.</summary>
    public string Fingerprint(int? endOfText)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));
        for (int id = 0; id < Model.Tokens.Count; id++)
        {
            if (Model.Tokens[id] is string token)
                Add($"{id} {token}");
        }
        foreach ((int left, int right) in Model.Merges)
            Add($"{left} {right}");
        foreach (AddedToken token in Added.OrderBy(token => token.Id))
            Add(token.ToString());
        hash.AppendData(Rules);
        Add($"end of text {endOfText}");
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    static byte[] CanonicalRules(JsonElement root)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            foreach (string name in (string[])["normalizer", "pre_tokenizer", "post_processor", "decoder"])
            {
                writer.WritePropertyName(name);
                if (root.TryGetProperty(name, out JsonElement part))
                    WriteSorted(writer, part);
                else
                    writer.WriteNullValue();
            }
            foreach (JsonProperty option in root.GetProperty("model").EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal))
            {
                if (option.Name is "byte_fallback" or "ignore_merges" or "fuse_unk" or "unk_token")
                    option.WriteTo(writer);
            }
            writer.WriteEndObject();
        }
        return stream.ToArray();
    }

    static void WriteSorted(Utf8JsonWriter writer, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Object)
        {
            writer.WriteStartObject();
            foreach (JsonProperty member in value.EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal))
            {
                writer.WritePropertyName(member.Name);
                WriteSorted(writer, member.Value);
            }
            writer.WriteEndObject();
        }
        else if (value.ValueKind == JsonValueKind.Array)
        {
            writer.WriteStartArray();
            foreach (JsonElement element in value.EnumerateArray())
                WriteSorted(writer, element);
            writer.WriteEndArray();
        }
        else
        {
            value.WriteTo(writer);
        }
    }
}
