using System.Text;
using System.Text.Json;
using Litespark.Recipes.Yaml;

namespace Litespark.Recipes.Schema;

/// <summary>What a recipe key may hold: how it is read, written, described and expressed in JSON schema.</summary>
internal abstract class ValueKind<T>
{
    /// <summary>For people: "integer ≥ 1", "one of cpu, cuda, auto".</summary>
    public abstract string Description { get; }

    /// <summary>Reads a value.</summary>
    /// <exception cref="RecipeValueException">The node does not hold one.</exception>
    public abstract T Read(RecipeNode node);

    /// <summary>Writes the value as JSON.</summary>
    public abstract void WriteJson(Utf8JsonWriter writer, T value);

    /// <summary>Writes the members of the JSON schema into the object that is open.</summary>
    public abstract void WriteSchema(Utf8JsonWriter writer);

    /// <summary>The value on one line of YAML. JSON is YAML, so that is the general form.</summary>
    public virtual string ToYaml(T value) => JsonText.Write(writer => WriteJson(writer, value));

    /// <summary>The error for a node that holds something else.</summary>
    protected RecipeValueException Wrong(RecipeNode node) => new(node.Origin, $"expected {Description}, found {node.Description}");
}

/// <summary>A value that its key cannot hold; caught by the binder, which knows the key's name.</summary>
internal sealed class RecipeValueException(string origin, string message) : Exception(message)
{
    public string Origin { get; } = origin;
}

/// <summary>Small JSON texts.</summary>
internal static class JsonText
{
    static readonly JsonWriterOptions Readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Runs the writer and returns what it wrote on one line.</summary>
    public static string Write(Action<Utf8JsonWriter> write, bool indented = false)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, Readable with { Indented = indented })) write(writer);
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }
}
