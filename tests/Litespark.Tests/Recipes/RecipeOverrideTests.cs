using Litespark.Recipes;
using static Litespark.Tests.Recipes.RecipeLoaderTests;

namespace Litespark.Tests.Recipes;

public class RecipeOverrideTests
{
    [Fact]
    public void Overrides_win_over_the_file_and_the_last_one_over_the_others()
    {
        Recipe recipe = Load(Minimal + "training: {max_steps: 5, seed: 7}", "training.max_steps=6", "training.max_steps=8", "engine.passes.fused_qkv=false");
        Assert.Equal(8, recipe.Training.MaxSteps);
        Assert.Equal(7, recipe.Training.Seed);
        Assert.False(recipe.Engine.Passes["fused_qkv"]);
    }

    [Fact]
    public void Lists_quoted_text_and_null_can_be_set()
    {
        Recipe recipe = Load(Minimal, "data.source=files", "data.train=[a.txt, \"*.md\"]", "description=\"a=b: c\"", "model.preset=null", "model.path=here");
        Assert.Equal(["a.txt", "*.md"], recipe.Data.Train);
        Assert.Equal("a=b: c", recipe.Description);
        Assert.Null(recipe.Model.Preset);
    }

    [Fact]
    public void An_override_fixes_a_wrong_value_of_the_file_before_it_is_checked() =>
        Assert.Equal(3, Load(Minimal + "training: {max_steps: many}", "training.max_steps=3").Training.MaxSteps);

    [Theory]
    [InlineData("training.max_steps", "--set training.max_steps: expected key=value")]
    [InlineData("=5", "expected key=value")]
    [InlineData("training..max_steps=5", "is not a key")]
    [InlineData("training.max_stps=5", "--set training.max_stps=5: unknown key 'training.max_stps'; did you mean 'training.max_steps'?")]
    [InlineData("training.max_steps=x", "--set training.max_steps=x: training.max_steps: expected integer ≥ 1, found 'x'")]
    [InlineData("model.preset.name=x", "'preset' has no keys below it, it holds 'llama-1m' (at test.yaml:2:11)")]
    [InlineData("data.train=[a", "--set data.train=[a: this is not valid YAML")]
    [InlineData("data.train=*.txt", "put quotes around it")]
    [InlineData("training.global_batch_tokens=3", "--set training.global_batch_tokens=3: training.global_batch_tokens: 3 is not a multiple")]
    public void A_wrong_override_names_the_option(string set, string expected) => Assert.Contains(expected, Error(Minimal, set));

    [Fact]
    public void A_list_of_texts_is_written_so_that_it_reads_back()
    {
        string[] texts = ["a.txt", "*.md", "with \"quotes\", commas", "null", "7"];
        var change = new RecipeOverride("data.train", RecipeOverride.ListOf(texts), "--data");
        Assert.Equal(texts, RecipeLoader.Load(Minimal, "test", [change]).Recipe.Data.Train);
    }

    [Fact]
    public void Every_key_knows_where_its_value_came_from()
    {
        LoadedRecipe loaded = RecipeLoader.Load(Minimal, "test.yaml", [RecipeOverride.Parse("training.seed=3")]);
        Assert.Equal("test.yaml:2:11", loaded.OriginOf("model.preset"));
        Assert.Equal("--set training.seed=3", loaded.OriginOf("training.seed"));
        Assert.Equal("test.yaml", loaded.OriginOf("training.max_steps"));
        Assert.True(loaded.IsSet("training.seed"));
        Assert.False(loaded.IsSet("training.max_steps"));
        Assert.Equal("test.yaml:2:11: model.preset: no such preset", loaded.Error("model.preset", "no such preset").Message);
    }
}
