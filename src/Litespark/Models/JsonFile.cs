using System.Text.Json;
using System.Text.Json.Nodes;

namespace Litespark.Models;

/// <summary>JSON objects in files: read with messages for people, written indented and in the order given.</summary>
internal static class JsonFile
{
    static readonly JsonDocumentOptions s_readOptions = new() { AllowDuplicateProperties = false };
    static readonly JsonWriterOptions s_writeOptions = new() { Indented = true };

    /// <summary>Reads the file's one object.</summary>
    /// <exception cref="UserErrorException">The file is missing or unreadable, or holds something else.</exception>
    public static JsonObject Read(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception cause) when (cause is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new UserErrorException($"{path}: there is no such file.", cause);
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be read: {cause.Message}", cause);
        }
        return Parse(bytes, path);
    }

    /// <summary>Parses UTF-8 text that holds one object.</summary>
    /// <param name="utf8">The text, with or without a byte order mark.</param>
    /// <param name="source">Opens the message of an error.</param>
    /// <exception cref="UserErrorException">It is not JSON, or not an object.</exception>
    public static JsonObject Parse(ReadOnlySpan<byte> utf8, string source)
    {
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        if (utf8.StartsWith(mark))
            utf8 = utf8[mark.Length..];
        try
        {
            return JsonNode.Parse(utf8, documentOptions: s_readOptions) as JsonObject
                ?? throw new UserErrorException($"{source}: a JSON object {{…}} is expected.");
        }
        catch (JsonException cause)
        {
            throw new UserErrorException($"{source}: not valid JSON: {JsonFault.Describe(cause)}", cause);
        }
    }

    /// <summary>Writes the object, replacing the file.</summary>
    public static void Write(string path, JsonObject json)
    {
        using FileStream stream = File.Create(path);
        using (var writer = new Utf8JsonWriter(stream, s_writeOptions))
            json.WriteTo(writer);
        stream.WriteByte((byte)'\n');
    }
}
