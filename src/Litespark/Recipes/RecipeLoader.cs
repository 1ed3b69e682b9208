using Litespark.Recipes.Schema;
using Litespark.Recipes.Yaml;

namespace Litespark.Recipes;

/// <summary>Reads recipes: YAML, then overrides, then binding, then the checks across keys.</summary>
public static class RecipeLoader
{
    /// <summary>Reads a recipe file.</summary>
    /// <exception cref="UserErrorException">The file cannot be read or is not a valid recipe; the message names file, line, column and key.</exception>
    public static LoadedRecipe LoadFile(string path, IEnumerable<RecipeOverride>? overrides = null)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: the recipe cannot be read: {error.Message}", error);
        }
        return Load(text, path, overrides);
    }

    /// <summary>Reads a recipe from YAML text.</summary>
    /// <param name="yaml">The text; keys that it leaves out have their defaults.</param>
    /// <param name="name">What to call it in messages, usually the file's name.</param>
    /// <param name="overrides">Keys set from outside, applied in order before anything is checked.</param>
    /// <exception cref="UserErrorException">It is not a valid recipe; all wrong keys are listed, one on each line.</exception>
    public static LoadedRecipe Load(string yaml, string name, IEnumerable<RecipeOverride>? overrides = null)
    {
        MappingNode root = YamlReader.ReadFile(yaml, name) switch
        {
            MappingNode mapping => mapping,
            ScalarNode { IsNull: true } empty => new MappingNode(empty.Origin),
            RecipeNode other => throw new UserErrorException($"{other.Origin}: a recipe is a mapping of sections (model:, training:, …), found {other.Description}."),
        };
        foreach (RecipeOverride change in overrides ?? []) change.Apply(root);

        var context = new BindContext { AllPaths = Recipe.KeyPaths() };
        Recipe recipe = Binder.BindMembers(new Recipe(), Recipe.Definitions, root, "", context);
        if (context.Errors.Count > 0) throw new UserErrorException(string.Join('\n', context.Errors));
        var loaded = new LoadedRecipe(recipe, name, HeaderOf(yaml), context.Origins);
        RecipeChecks.Run(loaded);
        return loaded;
    }

    static string HeaderOf(string yaml) => string.Join('\n', yaml.ReplaceLineEndings("\n").Split('\n').TakeWhile(line => line.StartsWith('#')));
}
