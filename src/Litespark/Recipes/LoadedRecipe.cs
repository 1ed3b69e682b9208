namespace Litespark.Recipes;

/// <summary>A recipe with the place that each of its keys was written at, so that a later error can still name it.</summary>
public sealed class LoadedRecipe
{
    readonly IReadOnlyDictionary<string, string> origins;

    internal LoadedRecipe(Recipe recipe, string name, string header, IReadOnlyDictionary<string, string> origins)
    {
        Recipe = recipe;
        Name = name;
        Header = header;
        this.origins = origins;
    }

    /// <summary>The recipe, checked.</summary>
    public Recipe Recipe { get; }

    /// <summary>The file or shipped name it came from.</summary>
    public string Name { get; }

    /// <summary>The name without its folder and its <c>.yaml</c> or <c>.yml</c>; other dots belong to it, as in <c>llama-3.2-1b</c>.</summary>
    public string ShortName => ShortNameOf(Name);

    /// <summary>The comment lines above the first key, without a trailing line break; empty where there are none.</summary>
    public string Header { get; }

    /// <summary>The same with other values, whose places stay as they are.</summary>
    public LoadedRecipe With(Recipe recipe) => new(recipe, Name, Header, origins);

    /// <summary>Where a key got its value: <c>file:line:column</c>, an option, or the recipe's name where it has its default.</summary>
    /// <param name="key">Full dotted name, as in <c>model.preset</c>.</param>
    public string OriginOf(string key) => origins.TryGetValue(key, out string? origin) ? origin : Name;

    /// <summary>Whether the user set the key, in the file or by an option.</summary>
    /// <param name="key">Full dotted name.</param>
    public bool IsSet(string key) => origins.ContainsKey(key);

    /// <summary><see cref="ShortName"/> of a file or a shipped name.</summary>
    internal static string ShortNameOf(string name)
    {
        string file = Path.GetFileName(name);
        bool isYaml = Path.GetExtension(file).ToLowerInvariant() is ".yaml" or ".yml";
        return isYaml ? Path.GetFileNameWithoutExtension(file) : file;
    }

    /// <summary>An error about a key's value that turns up after loading, as where a file named by it is missing.</summary>
    /// <param name="key">Full dotted name.</param>
    /// <param name="message">What is wrong and what would be right.</param>
    public UserErrorException Error(string key, string message) => new($"{OriginOf(key)}: {key}: {message}");
}
