using Litespark.Models;
using Litespark.Recipes;
using static Litespark.Tests.Recipes.RecipeLoaderTests;

namespace Litespark.Tests.Recipes;

public class SparsitySectionTests
{
    static SparsitySection Section(string keys) => Load($"{Minimal}sparsity: {{{keys}}}").Sparsity;

    static SparsityPhases Phases(string keys, int maxSteps = 1000) => SparsityPhases.Of(Section(keys), maxSteps);

    [Fact]
    public void Nothing_is_sparse_unless_it_is_asked_for()
    {
        SparsitySection section = Load(Minimal).Sparsity;
        Assert.Equal(SparsityMethod.None, section.Method);
        Assert.Equal(AttentionPatternChoice.Dense, section.Attention.Pattern);
        Assert.Equal(0, section.Attention.SkipThreshold);
    }

    [Fact]
    public void Keys_of_weights_and_of_attention_are_read()
    {
        SparsitySection section = Section("method: mst, sparsity: 0.8, block_rows: 32, growth: gradient, sparse_from_step: 0.25, dense_from_step: 900, attention_pattern: local_strided, attention_layers: [0, 2]");
        Assert.Equal((SparsityMethod.Mst, 0.8, 32, 0), (section.Method, section.Sparsity, section.BlockRows, section.BlockColumns));
        Assert.Equal(BlockGrowth.Gradient, section.EffectiveGrowth);
        Assert.Equal((250, 900), (section.SparseFromStep!.Value.At(1000), section.DenseFromStep!.Value.At(1000)));
        Assert.Equal(AttentionPatternChoice.LocalStrided, section.Attention.Pattern);
        Assert.Equal([0, 2], section.Attention.Layers);
    }

    [Theory]
    [InlineData("set", BlockGrowth.Random)]
    [InlineData("rigl", BlockGrowth.Gradient)]
    [InlineData("mst", BlockGrowth.Mixed)]
    public void A_method_brings_its_growth(string method, BlockGrowth growth) => Assert.Equal(growth, Section($"method: {method}").EffectiveGrowth);

    [Theory]
    [InlineData("method: mst", 0.02, 0.02 / 15)]
    [InlineData("method: rigl, block_rows: 1", 0.02, 0.02 / 15)]
    [InlineData("method: mst, block_rows: 1, block_columns: 1", 0.3, 0.02)]
    [InlineData("method: mst, drop_fraction: 0.15", 0.15, 0.01)]
    [InlineData("method: mst, block_rows: 1, block_columns: 1, drop_fraction: 0, churn_threshold: 0.5", 0, 0.5)]
    public void Blocks_are_exchanged_more_slowly_than_single_weights(string keys, double dropFraction, double churnThreshold)
    {
        SparsitySection section = Section(keys);
        Assert.Equal((dropFraction, churnThreshold), (section.EffectiveDropFraction, section.EffectiveChurnThreshold));
    }

    [Theory]
    [InlineData("method: static", 0, 1, SparsityPhases.Never, SparsityPhases.Never)]
    [InlineData("method: rigl", 0, 1, SparsityPhases.Never, SparsityPhases.Never)]
    [InlineData("method: mst", 20, 120, 800, 950)]
    [InlineData("method: mst, phase_change: automatic", 200, 300, 800, 950)]
    [InlineData("method: mst, dense_until_step: 0, sparse_from_step: 0", 0, 1, 800, 950)]
    [InlineData("method: mst, dense_until_step: 500", 500, 501, 800, 950)]
    [InlineData("method: mst, sparse_from_step: 10", 10, 11, 800, 950)]
    [InlineData("method: mst, restore_from_step: 0.05", 20, 50, 50, 950)]
    [InlineData("method: mst, restore_from_step: 0.97", 20, 120, 970, 970)]
    [InlineData("method: mst, restore_from_step: 1001", 20, 120, SparsityPhases.Never, SparsityPhases.Never)]
    [InlineData("method: mst, schedule: step", 20, 21, 800, 800)]
    public void Phases_have_the_methods_steps_or_the_recipes(string keys, int denseUntil, int sparseFrom, int restoreFrom, int denseFrom)
    {
        SparsityPhases phases = Phases(keys);
        Assert.Equal((denseUntil, sparseFrom, restoreFrom, denseFrom), (phases.DenseUntil, phases.SparseFrom, phases.RestoreFrom, phases.DenseFrom));
    }

    [Theory]
    [InlineData("method: set", 750)]
    [InlineData("method: mst", 1000)]
    [InlineData("method: mst, update_until_step: 0.5", 500)]
    public void Exchange_ends_with_the_methods_step_or_the_recipes(string keys, int expected) => Assert.Equal(expected, Phases(keys).UpdateUntil);

    [Theory]
    [InlineData("method: set, growth: gradient", "sparsity.growth: set grows by 'random'")]
    [InlineData("method: static, growth: random", "sparsity.growth: static never changes its mask")]
    [InlineData("method: static, update_until_step: 10", "sparsity.update_until_step: static never changes")]
    [InlineData("method: rigl, restore_from_step: 0.5", "sparsity.restore_from_step: rigl has the same sparsity from the first step to the last; leave it out, or use method: mst.")]
    [InlineData("method: rigl, phase_change: automatic", "sparsity.phase_change: rigl has no phases")]
    [InlineData("method: mst, dense_until_step: 0.5, restore_from_step: 400", "sparsity.restore_from_step: 400 (step 400) comes before dense_until_step 0.5 (step 500)")]
    [InlineData("method: mst, dense_from_step: 1.5", "expected a whole number of steps or a share below 1, found 1.5")]
    [InlineData("method: mst, dense_from_step: soon", "expected step, or below 1 a share of training.max_steps")]
    [InlineData("method: mst, min_density: 0.2", "sparsity.min_density: 0.2 in every layer cannot be had at a sparsity of 0.9; at most 0.1.")]
    [InlineData("method: mst, drop_fraction: 0, phase_change: automatic", "sparsity.drop_fraction: without drops")]
    [InlineData("attention_layers: [1]", "sparsity.attention_layers: attention_pattern is dense")]
    [InlineData("attention_until_step: 0.5", "sparsity.attention_until_step: attention_pattern is dense")]
    [InlineData("attention_pattern: local, attention_from_step: 0.6, attention_until_step: 0.5", "sparsity.attention_until_step: 0.5 (step 500) comes before attention_from_step 0.6 (step 600)")]
    [InlineData("method: mts", "did you mean 'mst'?")]
    public void Keys_that_contradict_each_other_are_refused(string keys, string expected) => Assert.Contains(expected, Error($"{Minimal}sparsity: {{{keys}}}"));

    [Fact]
    public void A_method_that_is_switched_off_may_keep_its_keys()
        => Assert.Equal(SparsityMethod.None, Section("method: none, restore_from_step: 0.5, growth: random, min_density: 0.5").Method);

    [Theory]
    [InlineData("attention_layers: [0, 6]", "sparsity.attention_layers: there is no 6: the model has 6 layers, 0 to 5.")]
    [InlineData("attention_heads: [9]", "sparsity.attention_heads: there is no 9: the model has 6 query heads, 0 to 5.")]
    public void Attention_is_sparse_in_layers_and_heads_that_there_are(string keys, string expected)
    {
        LoadedRecipe loaded = RecipeLoader.Load($"{Minimal}sparsity: {{attention_pattern: local, {keys}}}", "test.yaml", []);
        Assert.Contains(expected, Assert.Throws<UserErrorException>(() => ModelResolver.Resolve(loaded, ModelPresets.Get("llama-15m"), null)).Message);
    }

    [Fact]
    public void A_written_section_loads_to_the_same_one()
    {
        Recipe recipe = Load(Minimal + "sparsity: {method: mst, dense_until_step: 0, sparse_from_step: 0.125, attention_pattern: fixed, attention_heads: [3]}");
        Recipe again = Load(recipe.ToYaml());
        Assert.Equal(recipe.ToYaml(), again.ToYaml());
        Assert.Equal(recipe.Sparsity with { Attention = again.Sparsity.Attention }, again.Sparsity);
    }
}
