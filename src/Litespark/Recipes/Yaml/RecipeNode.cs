namespace Litespark.Recipes.Yaml;

/// <summary>A piece of a recipe as the user wrote it, with the place it was written at (<c>file:line:column</c>, or an option).</summary>
internal abstract class RecipeNode(string origin)
{
    /// <summary>Where to look for it: the start of an error message.</summary>
    public string Origin { get; } = origin;

    /// <summary>The node in a user's words, for "found …".</summary>
    public abstract string Description { get; }
}

/// <summary>A single value. Quoted values are always text, never null, a number or a truth value.</summary>
internal sealed class ScalarNode(string text, bool quoted, string origin) : RecipeNode(origin)
{
    public string Text { get; } = text;
    public bool Quoted { get; } = quoted;
    public bool IsNull => !Quoted && Text is "" or "~" or "null" or "Null" or "NULL";
    public override string Description => IsNull ? "nothing" : $"'{Text}'";
}

/// <summary>A list.</summary>
internal sealed class SequenceNode(IReadOnlyList<RecipeNode> items, string origin) : RecipeNode(origin)
{
    public IReadOnlyList<RecipeNode> Items { get; } = items;
    public override string Description => "a list";
}

/// <summary>One <c>key: value</c> of a mapping; the origin is the key's.</summary>
internal readonly record struct MappingEntry(string Key, string Origin, RecipeNode Value);

/// <summary>Keys and values, in the order written. Overrides change it in place.</summary>
internal sealed class MappingNode(string origin) : RecipeNode(origin)
{
    readonly List<MappingEntry> entries = [];

    public IReadOnlyList<MappingEntry> Entries => entries;
    public override string Description => "a mapping of keys";

    public RecipeNode? Find(string key)
    {
        int index = IndexOf(key);
        return index < 0 ? null : entries[index].Value;
    }

    /// <summary>Adds an entry; an existing one of the same key is replaced where it stands.</summary>
    public void Set(MappingEntry entry)
    {
        int index = IndexOf(entry.Key);
        if (index < 0) entries.Add(entry);
        else entries[index] = entry;
    }

    int IndexOf(string key) => entries.FindIndex(entry => entry.Key == key);
}
