using System.Text.Json;

namespace Litespark.Data.Sources;

/// <summary>Reads JSON Lines: one object per line, one of its strings the document.</summary>
internal static class JsonLines
{
    /// <summary>The documents of one file, in order; unusable lines are counted and skipped up to the limit.</summary>
    /// <exception cref="UserErrorException">Too many unusable lines, or the file cannot be read.</exception>
    public static IEnumerable<Document> Read(string path, Stream stream, string textField, int maxBadLines, CorpusStatistics statistics)
    {
        LineReader lines = new(stream, path);
        while (lines.TryRead(out ReadOnlyMemory<byte> line))
        {
            ReadOnlySpan<byte> json = line.Span;
            if (lines.LineNumber == 1 && json.StartsWith("\uFEFF"u8)) json = json[3..];
            json = json.Trim(" \t\r"u8);
            if (json.IsEmpty) continue;
            byte[]? text = TryGetText(json, textField, out string reason);
            if (text is null) statistics.AddBadLine(path, lines.LineNumber, reason, maxBadLines);
            else yield return new Document(text, path, lines.LineNumber);
        }
    }

    static byte[]? TryGetText(ReadOnlySpan<byte> json, string textField, out string reason)
    {
        reason = "";
        List<string> fields = [];
        byte[]? text = null;
        try
        {
            Utf8JsonReader reader = new(json);
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                reason = $"is not a JSON object with a field '{textField}'";
                return null;
            }
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isText = reader.ValueTextEquals(textField);
                if (!isText && text is null) fields.Add(JsonText.ToDisplay(reader.ValueSpan));
                reader.Read();
                if (isText && reader.TokenType == JsonTokenType.String)
                    text = reader.ValueIsEscaped ? JsonText.Unescape(reader.ValueSpan) : reader.ValueSpan.ToArray();
                else if (isText)
                    reason = $"field '{textField}' is not a string";
                else
                    reader.Skip();
            }
            while (reader.Read()) { } // Anything behind the object is an error.
        }
        catch (JsonException e)
        {
            reason = $"broken JSON at byte {e.BytePositionInLine + 1}";
            return null;
        }
        if (text is null && reason.Length == 0)
            reason = $"has no field '{textField}' (it has: {(fields.Count == 0 ? "none" : string.Join(", ", fields))}); data.text_field names it";
        return text;
    }
}
