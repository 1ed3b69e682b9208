using Litespark.Recipes.Schema;
using Litespark.Recipes.Yaml;

namespace Litespark.Recipes;

/// <summary>A key set from outside the file, as by <c>--set training.max_steps=100</c>.</summary>
/// <param name="Key">Full dotted name.</param>
/// <param name="Value">The value in YAML.</param>
/// <param name="Origin">What to name in an error: the option as the user typed it.</param>
public sealed record RecipeOverride(string Key, string Value, string Origin)
{
    /// <summary>Reads <c>key=value</c>.</summary>
    /// <exception cref="UserErrorException">There is no '=' or no key before it.</exception>
    public static RecipeOverride Parse(string assignment)
    {
        int equals = assignment.IndexOf('=');
        string origin = "--set " + assignment;
        if (equals <= 0) throw new UserErrorException($"{origin}: expected key=value, as in --set training.max_steps=100.");
        return new RecipeOverride(assignment[..equals].Trim(), assignment[(equals + 1)..].Trim(), origin);
    }

    /// <summary>A list of texts as a value.</summary>
    public static string ListOf(IEnumerable<string> texts) => Kinds.ListOf(Kinds.Text).ToYaml([.. texts]);

    /// <summary>A text as a value, whatever signs it holds.</summary>
    public static string TextOf(string text) => Kinds.Text.ToYaml(text);

    /// <summary>Puts the value into the recipe's tree, with the sections above it where they are missing.</summary>
    internal void Apply(MappingNode root)
    {
        string[] parts = Key.Split('.');
        if (parts.Any(string.IsNullOrWhiteSpace)) throw new UserErrorException($"{Origin}: '{Key}' is not a key; expected a dotted name, as in training.max_steps.");
        MappingNode section = root;
        foreach (string part in parts[..^1])
        {
            RecipeNode? next = section.Find(part);
            if (next is not MappingNode mapping)
            {
                if (next is not null and not ScalarNode { IsNull: true }) throw new UserErrorException($"{Origin}: '{part}' has no keys below it, it holds {next.Description} (at {next.Origin}).");
                mapping = new MappingNode(Origin);
                section.Set(new MappingEntry(part, Origin, mapping));
            }
            section = mapping;
        }
        section.Set(new MappingEntry(parts[^1], Origin, YamlReader.ReadValue(Value, Origin)));
    }
}
