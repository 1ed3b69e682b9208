using System.Text.Json;

namespace Litespark.Checkpoints;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Dtype">The format's name of its type: F32, BF16, …</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
/// <param name="Offset">First byte, counted from the start of the file.</param>
/// <param name="ByteLength">Bytes.</param>
internal sealed record SafetensorsEntry(string Name, string Dtype, IReadOnlyList<long> Shape, long Offset, long ByteLength)
{
    /// <summary>Number of elements.</summary>
    public long Length => Shape.Aggregate(1L, (product, size) => product * size);
}

/// <summary>
/// The head of a safetensors file: 8 bytes of length, little-endian, then that much JSON,
/// <c>{"name": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {…}}</c>; then the data, without holes.
/// </summary>
internal static class SafetensorsHeader
{
    /// <summary>Bytes before the JSON.</summary>
    public const int LengthBytes = 8;

    /// <summary>The reserved name that is no tensor.</summary>
    public const string MetadataKey = "__metadata__";

    /// <summary>The largest header that readers accept.</summary>
    public const long MaxLength = 100_000_000;

    static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false };

    /// <summary>Parses the JSON and checks it against the size of the file.</summary>
    /// <param name="json">The header without its length.</param>
    /// <param name="fileLength">Bytes of the whole file.</param>
    /// <param name="path">Opens the message of an error.</param>
    /// <returns>The tensors in the order of their data.</returns>
    /// <exception cref="UserErrorException">Names the file, the tensor and what is wrong with it.</exception>
    public static IReadOnlyList<SafetensorsEntry> Parse(ReadOnlyMemory<byte> json, long fileLength, string path)
    {
        long dataStart = LengthBytes + json.Length;
        var entries = new List<SafetensorsEntry>();
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, s_options);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new UserErrorException($"{path}: the header is not a JSON object; the file is damaged or not of the safetensors format.");
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
                if (property.Name != MetadataKey)
                    entries.Add(ParseEntry(property, dataStart, path));
        }
        catch (JsonException cause)
        {
            throw new UserErrorException($"{path}: the header is not valid JSON ({JsonFault.Describe(cause).TrimEnd('.')}); the file is damaged or not of the safetensors format.", cause);
        }
        entries.Sort((a, b) => (a.Offset, a.ByteLength).CompareTo((b.Offset, b.ByteLength)));
        CheckLayout(entries, dataStart, fileLength, path);
        return entries;
    }

    /// <summary>Bytes of one element; null for a type that this version does not know.</summary>
    public static int? SizeOf(string dtype) => dtype switch
    {
        "F64" or "I64" or "U64" => 8,
        "F32" or "I32" or "U32" => 4,
        "F16" or "BF16" or "I16" or "U16" => 2,
        "I8" or "U8" or "BOOL" or "F8_E4M3" or "F8_E5M2" or "F8_E8M0" => 1,
        _ => null,
    };

    static SafetensorsEntry ParseEntry(JsonProperty property, long dataStart, string path)
    {
        UserErrorException Wrong(string what) => new($"{path}: tensor {property.Name}: {what}; the file is damaged.");

        JsonElement value = property.Value;
        if (value.ValueKind != JsonValueKind.Object
            || !value.TryGetProperty("dtype", out JsonElement dtype) || dtype.ValueKind != JsonValueKind.String
            || !value.TryGetProperty("shape", out JsonElement shapeJson) || ReadSizes(shapeJson) is not { } shape
            || !value.TryGetProperty("data_offsets", out JsonElement offsetsJson) || ReadSizes(offsetsJson) is not [long begin, long end])
            throw Wrong("its header entry does not hold a dtype, a shape and two data_offsets");
        if (end < begin)
            throw Wrong($"its data ends at {end}, before it begins at {begin}");

        string type = dtype.GetString()!;
        try
        {
            long length = shape.Aggregate(1L, (product, size) => checked(product * size));
            if (SizeOf(type) is { } elementSize && checked(length * elementSize) != end - begin)
                throw Wrong($"{type} of shape [{string.Join(", ", shape)}] takes {length * elementSize} bytes, but its data_offsets hold {end - begin}");
            return new SafetensorsEntry(property.Name, type, shape, checked(dataStart + begin), end - begin);
        }
        catch (OverflowException)
        {
            throw Wrong($"its shape [{string.Join(", ", shape)}] or its data_offsets are impossibly large");
        }
    }

    static long[]? ReadSizes(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Array)
            return null;
        var sizes = new List<long>();
        foreach (JsonElement item in json.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out long size) || size < 0)
                return null;
            sizes.Add(size);
        }
        return [.. sizes];
    }

    static void CheckLayout(List<SafetensorsEntry> entries, long dataStart, long fileLength, string path)
    {
        long position = dataStart;
        string previous = "the header";
        foreach (SafetensorsEntry entry in entries)
        {
            if (entry.Offset < position)
                throw new UserErrorException($"{path}: tensor {entry.Name} overlaps {previous} by {position - entry.Offset} bytes; the file is damaged.");
            if (entry.Offset > position)
                throw new UserErrorException($"{path}: {entry.Offset - position} bytes between {previous} and tensor {entry.Name} belong to no tensor; the file is damaged.");
            position = entry.Offset + entry.ByteLength;
            previous = $"tensor {entry.Name}";
            if (position > fileLength)
                throw new UserErrorException($"{path}: truncated within tensor {entry.Name}: it ends at byte {position}, but the file has {fileLength}; copy or download it again.");
        }
        if (position < fileLength)
            throw new UserErrorException($"{path}: {fileLength - position} bytes after {previous} belong to no tensor; the file is damaged.");
    }
}
