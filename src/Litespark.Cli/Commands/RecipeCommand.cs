using System.CommandLine;
using Litespark.Cli.Recipes;
using Litespark.Recipes;

namespace Litespark.Cli.Commands;

/// <summary><c>recipe list|show|schema</c>.</summary>
internal static class RecipeCommand
{
    public static Command Create() => new HelpfulCommand("recipe", "List, show and describe recipes.",
        "litespark recipe list",
        "litespark recipe show default > my.yaml             start a recipe of your own",
        "litespark recipe schema > recipe.schema.json        completion and checks in an editor")
    {
        List(),
        Show(),
        Schema(),
    };

    static HelpfulCommand List()
    {
        var command = new HelpfulCommand("list", "Names and descriptions of the shipped recipes.", "litespark recipe list --json");
        Option<bool> json = Options.Json();
        command.Add(json);
        command.Handle(json, (_, context) =>
        {
            LoadedRecipe[] recipes = [.. ShippedRecipes.Names.Select(name => ShippedRecipes.Load(name))];
            int width = recipes.Max(recipe => recipe.Name.Length);
            foreach (LoadedRecipe recipe in recipes)
                if (!context.Json) context.Out.WriteLine($"{recipe.Name.PadRight(width)}  {recipe.Recipe.Description}");
            context.Result(writer =>
            {
                writer.WriteStartArray("recipes");
                foreach (LoadedRecipe recipe in recipes)
                {
                    writer.WriteStartObject();
                    writer.WriteString("name", recipe.Name);
                    writer.WriteString("description", recipe.Recipe.Description);
                    writer.WriteEndObject();
                }
                writer.WriteEndArray();
            });
            return ExitCodes.Done;
        });
        return command;
    }

    static HelpfulCommand Show()
    {
        var command = new HelpfulCommand("show", "A recipe with every key, its type and its default.",
            "litespark recipe show default",
            "litespark recipe show llama-15m --set optimizer.name=muon > muon.yaml");
        var parameters = new RecipeParameters(command, withDevice: false);
        Option<bool> json = Options.Json();
        command.Add(json);
        command.Handle(json, (result, context) =>
        {
            LoadedRecipe loaded = parameters.Read(result).Load();
            if (!context.Json) context.Out.Write(RecipeWriter.ToYaml(loaded.Recipe, commented: true, loaded.Header));
            context.Result(writer =>
            {
                writer.WriteString("name", loaded.Name);
                writer.WritePropertyName("recipe");
                RecipeWriter.WriteJson(writer, loaded.Recipe);
            });
            return ExitCodes.Done;
        });
        return command;
    }

    static HelpfulCommand Schema()
    {
        var command = new HelpfulCommand("schema", "The JSON schema of recipes (draft 2020-12).", "litespark recipe schema > recipe.schema.json");
        Option<bool> json = new("--json") { Description = "The schema on one line" };
        command.Add(json);
        command.SetAction(result => result.InvocationConfiguration.Output.WriteLine(RecipeJsonSchema.Text(indented: !result.GetValue(json))));
        return command;
    }
}
