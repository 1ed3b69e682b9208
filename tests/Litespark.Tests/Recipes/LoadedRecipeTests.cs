using Litespark.Recipes;

namespace Litespark.Tests.Recipes;

public class LoadedRecipeTests
{
    [Theory]
    [InlineData("default", "default")]
    [InlineData("llama-3.2-1b", "llama-3.2-1b")]
    [InlineData("llama-3.2-1b.yaml", "llama-3.2-1b")]
    [InlineData("some/folder.d/mine.v2.YML", "mine.v2")]
    public void The_short_name_leaves_out_the_folder_and_the_ending_only(string name, string expected)
        => Assert.Equal(expected, RecipeLoader.Load("model: {preset: llama-1m}", name).ShortName);
}
