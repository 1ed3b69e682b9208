using System.Text.Json;
using Litespark.Cli.Recipes;
using Litespark.Data;
using Litespark.Recipes;
using Litespark.Recipes.Schema;

namespace Litespark.Tests.Recipes;

public class RecipeWriterTests
{
    const string Unusual = """
        description: "quotes \" and: colons, # marks, äöü ✓, \ttab"
        model: {preset: "true", hidden_size: 128, rope_theta: 1.0e+21, rms_norm_eps: 1.0e-06}
        tokenizer: {special_tokens: ["<|endoftext|>", "- x", "123", ""]}
        data: {sources: [{path: ["a *.txt", "b"], weight: 0.1}, {source: dotnet-docs, weight: 3}]}
        training: {max_tokens: 9007199254740993, on_nan: skip}
        optimizer: {learning_rate: 0.1, epsilon: 1.0e-300}
        engine: {passes: {fused_qkv: false, fused_mlp: true}}
        logging: {sample_prompt: "null"}
        """;

    static string UnusualYaml => Unusual.Replace(", \"\"]", "]");

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_written_recipe_loads_to_the_same_one(bool commented)
    {
        Recipe recipe = RecipeLoaderTests.Load(UnusualYaml);
        string written = recipe.ToYaml(commented);
        Recipe again = RecipeLoaderTests.Load(written);
        Assert.Equal(written, again.ToYaml(commented));
        Assert.Equal(recipe.Description, again.Description);
        Assert.Equal("true", again.Model.Preset);
        Assert.Equal(recipe.Training, again.Training);
        Assert.Equal(recipe.Optimizer, again.Optimizer);
        Assert.Equal(recipe.Tokenizer.SpecialTokens, again.Tokenizer.SpecialTokens);
        Assert.Equal(recipe.Data.Sources[0].Paths, again.Data.Sources[0].Paths);
        Assert.Equal("null", again.Logging.SamplePrompt);
    }

    [Fact]
    public void A_written_recipe_holds_every_key()
    {
        LoadedRecipe loaded = RecipeLoader.Load(RecipeLoaderTests.Load(RecipeLoaderTests.Minimal).ToYaml(), "written");
        Assert.All(Recipe.KeyPaths(), key => Assert.True(loaded.IsSet(key), key));
    }

    [Fact]
    public void Every_key_and_section_is_documented_and_spelt_as_the_field_spells_keys()
    {
        var visitor = new DocumentationVisitor();
        new Recipe().Visit(visitor);
        Assert.True(visitor.Count > 80);
    }

    [Fact]
    public void Every_default_is_valid_and_every_key_can_be_set_to_it()
    {
        new Recipe().Visit(new KeyVisitor(key =>
        {
            if (key.Path != "model.preset") RecipeLoader.Load(RecipeLoaderTests.Minimal, "test", [new RecipeOverride(key.Path, key.DefaultYaml, key.Path)]);
        }));
    }

    [Fact]
    public void There_are_the_recipes_that_the_documentation_names() =>
        Assert.Equal(["default", "gpt2-124m", "litespark-3b", "llama-110m", "llama-15m", "llama-3.2-1b"], ShippedRecipes.Names);

    [Fact]
    public void Shipped_recipes_are_kept_in_the_form_that_recipe_show_writes()
    {
        foreach (string name in ShippedRecipes.Names)
        {
            LoadedRecipe loaded = ShippedRecipes.Load(name);
            Assert.NotEmpty(loaded.Recipe.Description);
            Assert.NotEmpty(loaded.Header);
            // When this fails: ./litespark recipe show recipes/NAME.yaml > new && mv new recipes/NAME.yaml
            Assert.Equal(ShippedRecipes.Text(name), RecipeWriter.ToYaml(loaded.Recipe, commented: true, loaded.Header));
        }
    }

    [Fact]
    public void The_default_recipe_needs_no_file() => Assert.Equal(DataSourceKind.DotNetDocs, ShippedRecipes.Load("default").Recipe.Data.EffectiveSource);

    [Fact]
    public void The_json_schema_is_valid_json_and_covers_every_key()
    {
        using JsonDocument schema = JsonDocument.Parse(RecipeJsonSchema.Text());
        Assert.Equal("https://json-schema.org/draft/2020-12/schema", schema.RootElement.GetProperty("$schema").GetString());
        foreach (string path in Recipe.KeyPaths())
        {
            JsonElement element = schema.RootElement;
            foreach (string part in path.Split('.'))
            {
                Assert.False(element.GetProperty("additionalProperties").GetBoolean());
                element = element.GetProperty("properties").GetProperty(part);
            }
            Assert.NotEmpty(element.GetProperty("description").GetString()!);
            Assert.True(element.TryGetProperty("default", out _), path);
            Assert.True(element.TryGetProperty("type", out _) || element.TryGetProperty("enum", out _) || element.TryGetProperty("anyOf", out _), path);
        }
    }

    sealed class DocumentationVisitor : IRecipeVisitor
    {
        public int Count { get; private set; }

        public void EnterSection(string name, string path, string doc) => Check(name, path, doc);

        public void LeaveSection() { }

        public void Key(KeyView key)
        {
            Count++;
            Check(key.Name, key.Path, key.Doc);
        }

        static void Check(string name, string path, string doc)
        {
            Assert.Matches("^[a-z][a-z0-9_]*$", name);
            Assert.True(doc.Length > 10 && doc.EndsWith('.') && !doc.Contains('\n'), path);
        }
    }
}
