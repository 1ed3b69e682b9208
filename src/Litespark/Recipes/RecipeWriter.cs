using System.Text;
using System.Text.Json;
using Litespark.Recipes.Schema;

namespace Litespark.Recipes;

/// <summary>Writes a whole recipe, every key, in the order of the definitions.</summary>
internal static class RecipeWriter
{
    const int LineWidth = 120;

    /// <summary>YAML; with comments it is the reference that the shipped recipes are kept in.</summary>
    public static string ToYaml(Recipe recipe, bool commented, string header = "")
    {
        var text = new StringBuilder();
        if (header.Length > 0) text.Append(header).Append("\n\n");
        recipe.Visit(new YamlVisitor(text, commented));
        return text.ToString();
    }

    /// <summary>The recipe as a JSON object.</summary>
    public static void WriteJson(Utf8JsonWriter writer, Recipe recipe)
    {
        writer.WriteStartObject();
        recipe.Visit(new JsonVisitor(writer));
        writer.WriteEndObject();
    }

    sealed class YamlVisitor(StringBuilder text, bool commented) : IRecipeVisitor
    {
        int depth;

        public void EnterSection(string name, string path, string doc)
        {
            if (depth == 0) text.Append('\n');
            if (commented) Comment(doc);
            Indent().Append(name).Append(":\n");
            depth++;
        }

        public void LeaveSection() => depth--;

        public void Key(KeyView key)
        {
            if (commented) Comment(key.Doc, $"({key.Type}; default: {key.DefaultYaml})");
            Indent().Append(key.Name).Append(": ").Append(key.ValueYaml).Append('\n');
        }

        StringBuilder Indent() => text.Append(' ', depth * 2);

        /// <summary>Wraps the words; the last part stays together on a line of its own where it does not fit behind them.</summary>
        void Comment(string sentence, string? last = null)
        {
            Indent().Append('#');
            int column = depth * 2 + 1;
            foreach (string word in last is null ? sentence.Split(' ') : [.. sentence.Split(' '), last])
            {
                if (column + 1 + word.Length > LineWidth)
                {
                    text.Append('\n');
                    Indent().Append('#');
                    column = depth * 2 + 1;
                }
                text.Append(' ').Append(word);
                column += 1 + word.Length;
            }
            text.Append('\n');
        }
    }

    sealed class JsonVisitor(Utf8JsonWriter writer) : IRecipeVisitor
    {
        public void EnterSection(string name, string path, string doc) => writer.WriteStartObject(name);

        public void LeaveSection() => writer.WriteEndObject();

        public void Key(KeyView key)
        {
            writer.WritePropertyName(key.Name);
            key.WriteValue(writer);
        }
    }
}
