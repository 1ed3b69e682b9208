using System.Text.Json;
using Litespark.Recipes.Schema;

namespace Litespark.Recipes;

/// <summary>The JSON schema of recipes (draft 2020-12), for editors that complete and check YAML.</summary>
public static class RecipeJsonSchema
{
    /// <summary>The schema as JSON text.</summary>
    /// <param name="indented">Whether it is laid out over many lines.</param>
    public static string Text(bool indented = true) => JsonText.Write(Write, indented);

    internal static void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("$schema", "https://json-schema.org/draft/2020-12/schema");
        writer.WriteString("title", "Litespark recipe");
        Open(writer, "A training run: model, data, training and engine. Keys that are left out have their defaults.");
        new Recipe().Visit(new Visitor(writer));
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    static void Open(Utf8JsonWriter writer, string description)
    {
        writer.WriteString("description", description);
        writer.WriteString("type", "object");
        writer.WriteBoolean("additionalProperties", false);
        writer.WriteStartObject("properties");
    }

    sealed class Visitor(Utf8JsonWriter writer) : IRecipeVisitor
    {
        public void EnterSection(string name, string path, string doc)
        {
            writer.WriteStartObject(name);
            Open(writer, doc);
        }

        public void LeaveSection()
        {
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        public void Key(KeyView key)
        {
            writer.WriteStartObject(key.Name);
            key.WriteSchema(writer);
            writer.WriteEndObject();
        }
    }
}
