using Litespark.Recipes;

namespace Litespark.Cli.Recipes;

/// <summary>The recipes inside the program, and how a name on the command line finds one of them or a file.</summary>
internal static class ShippedRecipes
{
    const string Prefix = "recipes/", Suffix = ".yaml";

    /// <summary>Names of the shipped recipes; <c>default</c> first.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. typeof(ShippedRecipes).Assembly.GetManifestResourceNames()
            .Where(resource => resource.StartsWith(Prefix, StringComparison.Ordinal) && resource.EndsWith(Suffix, StringComparison.Ordinal))
            .Select(resource => resource[Prefix.Length..^Suffix.Length])
            .OrderBy(name => name != "default").ThenBy(name => name, StringComparer.Ordinal),
    ];

    /// <summary>Loads a shipped recipe by its name, or a file by its path.</summary>
    /// <exception cref="UserErrorException">There is neither, or it is not a valid recipe.</exception>
    public static LoadedRecipe Load(string nameOrPath, IEnumerable<RecipeOverride>? overrides = null)
    {
        if (Names.Contains(nameOrPath)) return RecipeLoader.Load(Text(nameOrPath), nameOrPath, overrides);
        if (File.Exists(nameOrPath)) return RecipeLoader.LoadFile(nameOrPath, overrides);
        if (Directory.Exists(nameOrPath)) throw new UserErrorException($"{nameOrPath}: is a folder; a recipe is a file, or one of those shipped: {string.Join(", ", Names)}.");
        string hint = NearestName.Of(nameOrPath, Names) is { } nearest ? $" Did you mean '{nearest}'?" : "";
        throw new UserErrorException($"There is no recipe file '{nameOrPath}' and no shipped recipe of that name.{hint} Shipped: {string.Join(", ", Names)}.");
    }

    /// <summary>The text of a shipped recipe.</summary>
    public static string Text(string name)
    {
        using Stream stream = typeof(ShippedRecipes).Assembly.GetManifestResourceStream(Prefix + name + Suffix)
            ?? throw new ArgumentException($"There is no shipped recipe '{name}'.", nameof(name));
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
