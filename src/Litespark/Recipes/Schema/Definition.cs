using Litespark.Recipes.Yaml;

namespace Litespark.Recipes.Schema;

/// <summary>
/// A key or a section of an owner record, defined once: binding, validation, the JSON schema, the commented listing
/// and "did you mean" all read this.
/// </summary>
internal abstract class Definition<TOwner>(string name, string doc)
{
    public string Name { get; } = name;

    /// <summary>One or more sentences for the user of the recipe, units included.</summary>
    public string Doc { get; } = doc;

    /// <summary>The owner with this part read from the node; errors go to the context and leave the owner as it was.</summary>
    public abstract TOwner Bind(TOwner owner, RecipeNode node, string path, BindContext context);

    /// <summary>Shows this part of the owner to the visitor.</summary>
    public abstract void Visit(TOwner owner, TOwner defaults, string parentPath, IRecipeVisitor visitor);

    /// <summary>Full dotted name below a parent.</summary>
    protected string PathBelow(string parentPath) => parentPath.Length == 0 ? Name : parentPath + "." + Name;
}

/// <summary>A single value.</summary>
internal sealed class Key<TOwner, T>(string name, ValueKind<T> kind, Func<TOwner, T> get, Func<TOwner, T, TOwner> set, string doc)
    : Definition<TOwner>(name, doc)
{
    public override TOwner Bind(TOwner owner, RecipeNode node, string path, BindContext context)
    {
        context.Origins[path] = node.Origin;
        try
        {
            return set(owner, kind.Read(node));
        }
        catch (RecipeValueException error)
        {
            context.Errors.Add($"{error.Origin}: {path}: {error.Message}{(error.Message.EndsWith('?') ? "" : ".")}");
            return owner;
        }
    }

    public override void Visit(TOwner owner, TOwner defaults, string parentPath, IRecipeVisitor visitor) =>
        visitor.Key(new KeyView<T>(Name, PathBelow(parentPath), Doc, kind, get(owner), get(defaults)));
}

/// <summary>A mapping of further keys and sections.</summary>
internal sealed class Section<TOwner, TSection>(
    string name, Func<TOwner, TSection> get, Func<TOwner, TSection, TOwner> set, Definition<TSection>[] members, string doc)
    : Definition<TOwner>(name, doc)
{
    public override TOwner Bind(TOwner owner, RecipeNode node, string path, BindContext context)
    {
        context.Origins[path] = node.Origin;
        switch (node)
        {
            case ScalarNode { IsNull: true }: // every key below is commented out
                return owner;
            case MappingNode mapping:
                return set(owner, Binder.BindMembers(get(owner), members, mapping, path, context));
            default:
                context.Errors.Add($"{node.Origin}: {path}: expected a section of keys ({string.Join(", ", members.Take(3).Select(member => member.Name))} …), found {node.Description}.");
                return owner;
        }
    }

    public override void Visit(TOwner owner, TOwner defaults, string parentPath, IRecipeVisitor visitor)
    {
        string path = PathBelow(parentPath);
        visitor.EnterSection(Name, path, Doc);
        foreach (Definition<TSection> member in members) member.Visit(get(owner), get(defaults), path, visitor);
        visitor.LeaveSection();
    }
}

/// <summary>What binding gathers: errors, and where each key was written.</summary>
internal sealed class BindContext
{
    public List<string> Errors { get; } = [];

    /// <summary>From a key's full name to the place of its value.</summary>
    public Dictionary<string, string> Origins { get; } = [];

    /// <summary>Full names of all keys, for suggestions across sections.</summary>
    public IReadOnlyList<string> AllPaths { get; init; } = [];
}

/// <summary>Reads the entries of a mapping into an owner by its definitions.</summary>
internal static class Binder
{
    public static T BindMembers<T>(T owner, IReadOnlyList<Definition<T>> members, MappingNode mapping, string path, BindContext context)
    {
        foreach (MappingEntry entry in mapping.Entries)
        {
            string entryPath = path.Length == 0 ? entry.Key : path + "." + entry.Key;
            Definition<T>? member = members.FirstOrDefault(candidate => candidate.Name == entry.Key);
            if (member is null) context.Errors.Add(UnknownKey(entry, entryPath, path, [.. members.Select(candidate => candidate.Name)], context));
            else owner = member.Bind(owner, entry.Value, entryPath, context);
        }
        return owner;
    }

    static string UnknownKey(MappingEntry entry, string entryPath, string path, string[] siblings, BindContext context)
    {
        string? sibling = NearestName.Of(entry.Key, siblings);
        string? suggestion = sibling is null ? Elsewhere(entry.Key, entryPath, context.AllPaths) : path.Length == 0 ? sibling : path + "." + sibling;
        string hint = suggestion is not null ? $"did you mean '{suggestion}'?" : $"known here: {string.Join(", ", siblings)}.";
        return $"{entry.Origin}: unknown key '{entryPath}'; {hint}";
    }

    /// <summary>A key of the same name in another section is a likelier wish than one that is spelt alike.</summary>
    static string? Elsewhere(string key, string entryPath, IReadOnlyList<string> paths)
    {
        string suffix = "." + key;
        return paths.FirstOrDefault(path => path.EndsWith(suffix, StringComparison.Ordinal))
            ?? NearestName.Of(key, paths.Select(path => path[(path.LastIndexOf('.') + 1)..])) switch
            {
                { } name => paths.First(path => path == name || path.EndsWith("." + name, StringComparison.Ordinal)),
                null => NearestName.Of(entryPath, paths),
            };
    }
}
