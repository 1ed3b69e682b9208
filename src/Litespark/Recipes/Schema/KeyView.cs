using System.Text.Json;

namespace Litespark.Recipes.Schema;

/// <summary>A key with its value and default, in every form that a listing needs.</summary>
internal abstract class KeyView(string name, string path, string doc)
{
    public string Name { get; } = name;

    /// <summary>Full dotted name.</summary>
    public string Path { get; } = path;
    public string Doc { get; } = doc;

    /// <summary>What it may hold, for people.</summary>
    public abstract string Type { get; }
    public abstract string ValueYaml { get; }
    public abstract string DefaultYaml { get; }
    public abstract void WriteValue(Utf8JsonWriter writer);

    /// <summary>Writes the members of the key's JSON schema: type, description, default.</summary>
    public abstract void WriteSchema(Utf8JsonWriter writer);
}

/// <inheritdoc/>
internal sealed class KeyView<T>(string name, string path, string doc, ValueKind<T> kind, T value, T defaultValue) : KeyView(name, path, doc)
{
    public override string Type => kind.Description;
    public override string ValueYaml => kind.ToYaml(value);
    public override string DefaultYaml => kind.ToYaml(defaultValue);
    public override void WriteValue(Utf8JsonWriter writer) => kind.WriteJson(writer, value);

    public override void WriteSchema(Utf8JsonWriter writer)
    {
        writer.WriteString("description", Doc);
        kind.WriteSchema(writer);
        writer.WritePropertyName("default");
        kind.WriteJson(writer, defaultValue);
    }
}

/// <summary>Walks a recipe section by section, in the order of the definitions.</summary>
internal interface IRecipeVisitor
{
    void EnterSection(string name, string path, string doc);
    void LeaveSection();
    void Key(KeyView key);
}

/// <summary>A visitor that looks at keys alone.</summary>
internal sealed class KeyVisitor(Action<KeyView> visit) : IRecipeVisitor
{
    public void EnterSection(string name, string path, string doc) { }
    public void LeaveSection() { }
    public void Key(KeyView key) => visit(key);
}
