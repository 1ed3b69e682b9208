using System.Text.Json;
using Litespark.Recipes.Yaml;

namespace Litespark.Recipes.Schema;

/// <summary>Any text; a plain number is taken as text too.</summary>
internal sealed class TextKind : ValueKind<string>
{
    public override string Description => "text";
    public override string Read(RecipeNode node) => node is ScalarNode { IsNull: false } scalar ? scalar.Text : throw Wrong(node);
    public override void WriteJson(Utf8JsonWriter writer, string value) => writer.WriteStringValue(value);
    public override void WriteSchema(Utf8JsonWriter writer) => writer.WriteString("type", "string");
    public override string ToYaml(string value) => IsPlain(value) ? value : base.ToYaml(value);

    /// <summary>Text that YAML reads back as the same text without quotes: a word that cannot be a number, a null or a truth value.</summary>
    static bool IsPlain(string value) =>
        value.Length > 0 && char.IsAsciiLetter(value[0])
        && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '/')
        && value.ToLowerInvariant() is not ("null" or "true" or "false" or "yes" or "no" or "on" or "off" or "y" or "n");
}

/// <summary>true or false.</summary>
internal sealed class BooleanKind : ValueKind<bool>
{
    public override string Description => "true or false";

    public override bool Read(RecipeNode node) => node is ScalarNode { Quoted: false } scalar ? scalar.Text switch
    {
        "true" or "True" or "TRUE" => true,
        "false" or "False" or "FALSE" => false,
        _ => throw Wrong(node),
    } : throw Wrong(node);

    public override void WriteJson(Utf8JsonWriter writer, bool value) => writer.WriteBooleanValue(value);
    public override void WriteSchema(Utf8JsonWriter writer) => writer.WriteString("type", "boolean");
}

/// <summary>One of a few names.</summary>
internal sealed class ChoiceKind<T>(params (string Name, T Value)[] choices) : ValueKind<T> where T : struct, Enum
{
    public override string Description => "one of " + string.Join(", ", choices.Select(choice => choice.Name));

    public override T Read(RecipeNode node)
    {
        if (node is not ScalarNode scalar) throw Wrong(node);
        foreach ((string name, T value) in choices)
            if (name == scalar.Text) return value;
        string? nearest = NearestName.Of(scalar.Text, choices.Select(choice => choice.Name));
        throw nearest is null ? Wrong(node) : new RecipeValueException(node.Origin, $"expected {Description}, found {node.Description}; did you mean '{nearest}'?");
    }

    public override string ToYaml(T value) => Name(value);
    public override void WriteJson(Utf8JsonWriter writer, T value) => writer.WriteStringValue(Name(value));

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("enum");
        foreach ((string name, _) in choices) writer.WriteStringValue(name);
        writer.WriteEndArray();
    }

    string Name(T value) => choices.First(choice => EqualityComparer<T>.Default.Equals(choice.Value, value)).Name;
}
