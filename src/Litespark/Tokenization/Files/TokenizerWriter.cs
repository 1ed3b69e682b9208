using System.Text.Encodings.Web;
using System.Text.Json;
using Litespark.Tokenization.Pipeline;

namespace Litespark.Tokenization.Files;

/// <summary>Writes a trained vocabulary as tokenizer.json and tokenizer_config.json.</summary>
internal static class TokenizerWriter
{
    static readonly JsonWriterOptions Readable = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>tokenizer.json.</summary>
    public static byte[] WriteTokenizer(IReadOnlyList<string> tokens, IReadOnlyList<(int Left, int Right)> merges, BpeTrainerOptions options)
    {
        var specials = new List<(string Token, int Id)>();
        int next = tokens.Count;
        foreach (string special in options.SpecialTokens)
        {
            int known = tokens.IndexOf(special);
            specials.Add((special, known >= 0 ? known : next++));
        }
        return Write(writer =>
        {
            writer.WriteString("version", "1.0");
            writer.WriteNull("truncation");
            writer.WriteNull("padding");
            WriteAdded(writer, specials);
            writer.WriteNull("normalizer");
            WritePreTokenizer(writer, options.Pattern);
            WritePostProcessor(writer, specials.Find(special => special.Token == options.BeginOfText));
            WriteByteLevel(writer, "decoder", useRegex: true);
            WriteModel(writer, tokens, merges);
        });
    }

    /// <summary>tokenizer_config.json.</summary>
    public static byte[] WriteConfig(BpeTrainerOptions options) => Write(writer =>
    {
        writer.WriteBoolean("add_prefix_space", false);
        writer.WriteString("bos_token", options.BeginOfText);
        writer.WriteBoolean("clean_up_tokenization_spaces", false);
        writer.WriteString("eos_token", options.EndToken);
        if (options.ModelMaxLength is int length)
            writer.WriteNumber("model_max_length", length);
        writer.WriteString("tokenizer_class", "PreTrainedTokenizerFast");
    });

    static byte[] Write(Action<Utf8JsonWriter> members)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Readable))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    static void WriteAdded(Utf8JsonWriter writer, List<(string Token, int Id)> specials)
    {
        writer.WriteStartArray("added_tokens");
        foreach ((string token, int id) in specials.OrderBy(special => special.Id))
        {
            writer.WriteStartObject();
            writer.WriteNumber("id", id);
            writer.WriteString("content", token);
            foreach (string flag in (string[])["single_word", "lstrip", "rstrip", "normalized"])
                writer.WriteBoolean(flag, false);
            writer.WriteBoolean("special", true);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    static void WritePreTokenizer(Utf8JsonWriter writer, string pattern)
    {
        if (pattern == GptScanner.Gpt2Pattern)
        {
            WriteByteLevel(writer, "pre_tokenizer", useRegex: true);
            return;
        }
        writer.WriteStartObject("pre_tokenizer");
        writer.WriteString("type", "Sequence");
        writer.WriteStartArray("pretokenizers");
        writer.WriteStartObject();
        writer.WriteString("type", "Split");
        writer.WriteStartObject("pattern");
        writer.WriteString("Regex", pattern);
        writer.WriteEndObject();
        writer.WriteString("behavior", nameof(SplitBehavior.Isolated));
        writer.WriteBoolean("invert", false);
        writer.WriteEndObject();
        WriteByteLevel(writer, null, useRegex: false);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    static void WritePostProcessor(Utf8JsonWriter writer, (string? Token, int Id) begin)
    {
        if (begin.Token is not string token)
        {
            WriteByteLevel(writer, "post_processor", useRegex: true, trimOffsets: false);
            return;
        }
        writer.WriteStartObject("post_processor");
        writer.WriteString("type", "TemplateProcessing");
        WriteTemplate(writer, "single", token, "A");
        WriteTemplate(writer, "pair", token, "A", "B");
        writer.WriteStartObject("special_tokens");
        writer.WriteStartObject(token);
        writer.WriteString("id", token);
        writer.WriteStartArray("ids");
        writer.WriteNumberValue(begin.Id);
        writer.WriteEndArray();
        writer.WriteStartArray("tokens");
        writer.WriteStringValue(token);
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    /// <summary>The special token before each of the texts.</summary>
    static void WriteTemplate(Utf8JsonWriter writer, string name, string token, params string[] texts)
    {
        writer.WriteStartArray(name);
        for (int i = 0; i < texts.Length; i++)
        {
            WriteItem("SpecialToken", token, i);
            WriteItem("Sequence", texts[i], i);
        }
        writer.WriteEndArray();

        void WriteItem(string kind, string id, int typeId)
        {
            writer.WriteStartObject();
            writer.WriteStartObject(kind);
            writer.WriteString("id", id);
            writer.WriteNumber("type_id", typeId);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
    }

    static void WriteByteLevel(Utf8JsonWriter writer, string? name, bool useRegex, bool trimOffsets = true)
    {
        if (name is null)
            writer.WriteStartObject();
        else
            writer.WriteStartObject(name);
        writer.WriteString("type", "ByteLevel");
        writer.WriteBoolean("add_prefix_space", false);
        writer.WriteBoolean("trim_offsets", trimOffsets);
        writer.WriteBoolean("use_regex", useRegex);
        writer.WriteEndObject();
    }

    static void WriteModel(Utf8JsonWriter writer, IReadOnlyList<string> tokens, IReadOnlyList<(int Left, int Right)> merges)
    {
        writer.WriteStartObject("model");
        writer.WriteString("type", "BPE");
        foreach (string name in (string[])["dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"])
            writer.WriteNull(name);
        foreach (string name in (string[])["fuse_unk", "byte_fallback", "ignore_merges"])
            writer.WriteBoolean(name, false);
        writer.WriteStartObject("vocab");
        for (int id = 0; id < tokens.Count; id++)
            writer.WriteNumber(tokens[id], id);
        writer.WriteEndObject();
        writer.WriteStartArray("merges");
        foreach ((int left, int right) in merges)
            writer.WriteStringValue($"{tokens[left]} {tokens[right]}");
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    static int IndexOf(this IReadOnlyList<string> tokens, string token)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            if (tokens[i] == token)
                return i;
        }
        return -1;
    }
}
