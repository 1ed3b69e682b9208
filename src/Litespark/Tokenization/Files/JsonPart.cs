using System.Text.Json;

namespace Litespark.Tokenization.Files;

/// <summary>A JSON value that knows where it is, so that errors can say so.</summary>
/// <param name="File">The file, for messages.</param>
/// <param name="Path">The path inside the file ("model.vocab"); empty for the whole.</param>
/// <param name="Value">The value; undefined where a member is missing.</param>
internal readonly record struct JsonPart(string File, string Path, JsonElement Value)
{
    /// <summary>Whether the value is missing or null.</summary>
    public bool IsNull => Value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null;

    /// <summary>The "type" member.</summary>
    public string Type => this["type"].String();

    /// <summary>A member; its value is undefined where there is none.</summary>
    public JsonPart this[string name]
    {
        get
        {
            Expect(JsonValueKind.Object);
            JsonElement member = Value.TryGetProperty(name, out JsonElement found) ? found : default;
            return new JsonPart(File, Path.Length == 0 ? name : $"{Path}.{name}", member);
        }
    }

    /// <summary>The elements of an array.</summary>
    public IEnumerable<JsonPart> Elements()
    {
        Expect(JsonValueKind.Array);
        int index = 0;
        foreach (JsonElement element in Value.EnumerateArray())
            yield return new JsonPart(File, $"{Path}[{index++}]", element);
    }

    /// <summary>A string.</summary>
    public string String()
    {
        Expect(JsonValueKind.String);
        return Value.GetString()!;
    }

    /// <summary>A string of exactly one UTF-16 character.</summary>
    public char Char()
    {
        string text = String();
        return text.Length == 1 ? text[0] : throw Error("must be a single character");
    }

    /// <summary>True or false; <paramref name="otherwise"/> where missing or null.</summary>
    public bool Bool(bool otherwise) => Value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ when IsNull => otherwise,
        _ => throw Error("must be true or false"),
    };

    /// <summary>A whole number from 0 to <paramref name="most"/>.</summary>
    public int Int(int most = int.MaxValue)
    {
        Expect(JsonValueKind.Number);
        return Value.TryGetInt32(out int value) && value >= 0 && value <= most ? value : throw Error($"must be a whole number from 0 to {most}");
    }

    /// <summary>An error that names the file and the path.</summary>
    public UserErrorException Error(string problem) => new($"{File}: {(Path.Length == 0 ? "the file" : Path)}: {problem}");

    /// <summary>An error for a kind that is not supported.</summary>
    public UserErrorException Unsupported(string supported) => Error($"\"{Type}\" is not supported; supported are: {supported}");

    /// <summary>Throws unless the value has the kind.</summary>
    public void Expect(JsonValueKind kind)
    {
        if (Value.ValueKind != kind)
            throw Error(IsNull ? $"is missing; expected {Name(kind)}" : $"is {Name(Value.ValueKind)}; expected {Name(kind)}");
    }

    static string Name(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        _ => "true or false",
    };
}
