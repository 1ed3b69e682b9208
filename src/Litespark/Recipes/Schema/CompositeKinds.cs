using System.Text.Json;
using Litespark.Recipes.Yaml;

namespace Litespark.Recipes.Schema;

/// <summary>A value or null: "not set, see the key's description for what then holds".</summary>
internal sealed class OptionalKind<T>(ValueKind<T> inner) : ValueKind<T?> where T : struct
{
    public override string Description => inner.Description + ", or null";
    public override T? Read(RecipeNode node) => node is ScalarNode { IsNull: true } ? null : inner.Read(node);
    public override string ToYaml(T? value) => value is { } present ? inner.ToYaml(present) : "null";

    public override void WriteJson(Utf8JsonWriter writer, T? value)
    {
        if (value is { } present) inner.WriteJson(writer, present);
        else writer.WriteNullValue();
    }

    public override void WriteSchema(Utf8JsonWriter writer) => OptionalSchema.Write(writer, inner.WriteSchema);
}

/// <summary>Text or null.</summary>
internal sealed class OptionalTextKind : ValueKind<string?>
{
    readonly TextKind inner = new();

    public override string Description => "text, or null";
    public override string? Read(RecipeNode node) => node is ScalarNode { IsNull: true } ? null : inner.Read(node);
    public override string ToYaml(string? value) => value is null ? "null" : inner.ToYaml(value);
    public override void WriteJson(Utf8JsonWriter writer, string? value) => writer.WriteStringValue(value);
    public override void WriteSchema(Utf8JsonWriter writer) => OptionalSchema.Write(writer, inner.WriteSchema);
}

/// <summary>JSON schema of "this or null".</summary>
internal static class OptionalSchema
{
    public static void Write(Utf8JsonWriter writer, Action<Utf8JsonWriter> inner)
    {
        writer.WriteStartArray("anyOf");
        writer.WriteStartObject();
        inner(writer);
        writer.WriteEndObject();
        writer.WriteStartObject();
        writer.WriteString("type", "null");
        writer.WriteEndObject();
        writer.WriteEndArray();
    }
}

/// <summary>A list of values; a single value stands for a list of one.</summary>
internal sealed class ListKind<T>(ValueKind<T> item, int minimumCount = 0) : ValueKind<IReadOnlyList<T>>
{
    public override string Description => $"list of {item.Description}" + (minimumCount > 0 ? $", at least {minimumCount}" : "");

    public override IReadOnlyList<T> Read(RecipeNode node)
    {
        T[] values = node switch
        {
            SequenceNode sequence => [.. sequence.Items.Select(item.Read)],
            ScalarNode { IsNull: true } => throw Wrong(node),
            _ => [item.Read(node)],
        };
        return values.Length < minimumCount ? throw Wrong(node) : values;
    }

    public override void WriteJson(Utf8JsonWriter writer, IReadOnlyList<T> value)
    {
        writer.WriteStartArray();
        foreach (T element in value) item.WriteJson(writer, element);
        writer.WriteEndArray();
    }

    public override string ToYaml(IReadOnlyList<T> value) => "[" + string.Join(", ", value.Select(item.ToYaml)) + "]";

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("anyOf");
        writer.WriteStartObject();
        writer.WriteString("type", "array");
        if (minimumCount > 0) writer.WriteNumber("minItems", minimumCount);
        writer.WriteStartObject("items");
        item.WriteSchema(writer);
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteStartObject();
        item.WriteSchema(writer);
        writer.WriteEndObject();
        writer.WriteEndArray();
    }
}

/// <summary>An object of keys as one value, as in a list of <c>{path: …, weight: …}</c>.</summary>
internal sealed class ObjectKind<T>(T defaults, params Definition<T>[] members) : ValueKind<T>
{
    public override string Description => "{" + string.Join(", ", members.Select(member => member.Name + ": …")) + "}";

    public override T Read(RecipeNode node)
    {
        if (node is not MappingNode mapping) throw Wrong(node);
        var context = new BindContext();
        T value = Binder.BindMembers(defaults, members, mapping, "", context);
        return context.Errors.Count == 0 ? value : throw new RecipeValueException(node.Origin, string.Join("; ", context.Errors));
    }

    public override string ToYaml(T value)
    {
        var parts = new List<string>();
        var visitor = new KeyVisitor(key => parts.Add($"{key.Name}: {key.ValueYaml}"));
        foreach (Definition<T> member in members) member.Visit(value, defaults, "", visitor);
        return "{" + string.Join(", ", parts) + "}";
    }

    public override void WriteJson(Utf8JsonWriter writer, T value)
    {
        writer.WriteStartObject();
        var visitor = new KeyVisitor(key =>
        {
            writer.WritePropertyName(key.Name);
            key.WriteValue(writer);
        });
        foreach (Definition<T> member in members) member.Visit(value, defaults, "", visitor);
        writer.WriteEndObject();
    }

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteString("type", "object");
        writer.WriteBoolean("additionalProperties", false);
        writer.WriteStartObject("properties");
        var visitor = new KeyVisitor(key =>
        {
            writer.WriteStartObject(key.Name);
            key.WriteSchema(writer);
            writer.WriteEndObject();
        });
        foreach (Definition<T> member in members) member.Visit(defaults, defaults, "", visitor);
        writer.WriteEndObject();
    }
}
