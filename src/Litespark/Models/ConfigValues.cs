using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Litespark.Models;

/// <summary>
/// Typed look-up in a configuration. A key that is absent or null has its default; a value of another type is the user's error.
/// Where a key has several spellings, the first that is present counts.
/// </summary>
internal sealed class ConfigValues(JsonObject json, string source)
{
    /// <summary>Opens every message.</summary>
    public string Source => source;

    /// <summary>The key is present, be it null.</summary>
    public bool Has(string key) => json.ContainsKey(key);

    /// <summary>A whole number.</summary>
    public int Int(int fallback, params ReadOnlySpan<string> keys) =>
        Find(keys, out string key) is { } node ? ToInt(node, key) : fallback;

    /// <summary>A whole number, or null.</summary>
    public int? OptionalInt(params ReadOnlySpan<string> keys) => Find(keys, out string key) is { } node ? ToInt(node, key) : null;

    /// <summary>A number.</summary>
    public double Double(double fallback, params ReadOnlySpan<string> keys) =>
        Find(keys, out string key) is { } node ? ToDouble(node, key, "a number") : fallback;

    /// <summary>A number that has no default.</summary>
    public double RequiredDouble(string key) =>
        Find([key], out _) is { } node ? ToDouble(node, key, "a number") : throw Error($"{key} is missing; a number is expected");

    /// <summary>True or false.</summary>
    public bool Bool(bool fallback, string key) => Find([key], out _) is not { } node ? fallback : node.GetValueKind() switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Wrong(key, node, "true or false"),
    };

    /// <summary>A string, or null.</summary>
    public string? OptionalString(params ReadOnlySpan<string> keys)
    {
        if (Find(keys, out string key) is not { } node)
            return null;
        return node.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : throw Wrong(key, node, "a string");
    }

    /// <summary>A nested object, or null.</summary>
    public ConfigValues? OptionalObject(string key)
    {
        if (Find([key], out _) is not { } node)
            return null;
        return node is JsonObject nested ? new ConfigValues(nested, $"{source}: {key}") : throw Wrong(key, node, "an object {…} or null");
    }

    /// <summary>A list of strings, or null.</summary>
    public string[]? OptionalStrings(string key)
    {
        if (Find([key], out _) is not { } node)
            return null;
        if (node is not JsonArray array || array.Any(item => item?.GetValueKind() != JsonValueKind.String))
            throw Wrong(key, node, "a list of strings");
        return [.. array.Select(item => item!.GetValue<string>())];
    }

    /// <summary>An error that names this source.</summary>
    public UserErrorException Error(string message) => new($"{source}: {message}.");

    JsonNode? Find(ReadOnlySpan<string> keys, out string key)
    {
        foreach (string candidate in keys)
            if (json[candidate] is { } node)
            {
                key = candidate;
                return node;
            }
        key = keys[0];
        return null;
    }

    int ToInt(JsonNode node, string key)
    {
        double value = ToDouble(node, key, "a whole number");
        return value == Math.Floor(value) && Math.Abs(value) <= int.MaxValue ? (int)value : throw Wrong(key, node, "a whole number");
    }

    double ToDouble(JsonNode node, string key, string expected)
    {
        if (node.GetValueKind() == JsonValueKind.Number
            && double.TryParse(node.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value))
            return value;
        throw Wrong(key, node, expected);
    }

    UserErrorException Wrong(string key, JsonNode node, string expected)
    {
        string text = node.ToJsonString();
        return Error($"{key} is {(text.Length > 60 ? text[..60] + "…" : text)}; {expected} is expected");
    }
}
