using Litespark.Models;
using Litespark.Recipes;
using Litespark.Training.Sparsity;

namespace Litespark.Tests.Training.Sparsity;

public class LayerAllocationTests
{
    /// <summary>GPT-2 small with its tied head sparse too, element by element: the figures follow from ε = density · Σ n / Σ (n_in + n_out).</summary>
    [Theory]
    [InlineData(0.50, 0.460, 0.190, 0.494, 0.589)]
    [InlineData(0.80, 0.784, 0.676, 0.797, 0.835)]
    [InlineData(0.90, 0.892, 0.838, 0.899, 0.918)]
    [InlineData(0.95, 0.946, 0.919, 0.949, 0.959)]
    public void Erdos_renyi_gives_the_sparsities_of_gpt2_small(double sparsity, double fusedQkv, double attentionOutput, double mlp, double head)
    {
        TransformerSpec spec = ModelPresets.Get("gpt2-124m");
        IReadOnlyList<SparseWeight> weights = SparseWeights.Of(spec, new SparsitySection { Head = true }, 1, 1);
        Assert.Equal(49, weights.Count);
        int[] live = LayerAllocation.LiveBlocks(weights, sparsity, SparsityAllocation.ErdosRenyi);
        for (int i = 0; i < weights.Count; i++)
        {
            string name = weights[i].Name;
            double expected = name.Contains("c_attn") ? fusedQkv : name.Contains("attn.c_proj") ? attentionOutput : name.Contains("mlp") ? mlp : head;
            Assert.Equal(expected, 1 - (double)live[i] / weights[i].Blocks, 0.000501);
        }
    }

    [Fact]
    public void Uniform_gives_every_weight_the_same_density()
    {
        SparseWeight[] weights = [new("a", 100, 100, 1, 1), new("b", 200, 50, 1, 1), new("c", 10, 30, 1, 1)];
        Assert.Equal([2500, 2500, 75], LayerAllocation.LiveBlocks(weights, 0.75, SparsityAllocation.Uniform));
    }

    [Fact]
    public void Small_weights_that_would_be_more_than_dense_are_dense()
    {
        SparseWeight[] weights = [new("large", 1000, 1000, 1, 1), new("small", 10, 10, 1, 1)];
        Assert.Equal([50_000, 50], LayerAllocation.LiveBlocks([weights[0], weights[1] with { Rows = 5 }], 1 - 50_050 / 1_000_050.0, SparsityAllocation.ErdosRenyi));
        Assert.Equal([99_910, 100], LayerAllocation.LiveBlocks(weights, 1 - 100_010 / 1_000_100.0, SparsityAllocation.ErdosRenyi));
    }

    [Fact]
    public void A_weight_of_few_blocks_keeps_one_for_each_line_of_outputs_as_long_as_the_budget_allows()
    {
        SparseWeight[] weights = [new("mlp", 768, 3072, 128, 128), new("square", 768, 768, 128, 128)];
        // A uniform tenth would leave four blocks of 36 to six lines.
        Assert.Equal([12, 6], LayerAllocation.LiveBlocks(weights, 0.9, SparsityAllocation.Uniform));
        Assert.Equal([7, 2], LayerAllocation.LiveBlocks(weights, 0.95, SparsityAllocation.Uniform));
    }

    [Fact]
    public void Counts_add_up_to_the_budget_and_no_weight_is_below_its_floor() => SmallModel.Check(seed =>
    {
        SparseWeight[] weights = SmallModel.Weights(seed);
        SparsitySection section = SmallModel.Section(seed);
        int[] live = LayerAllocation.LiveBlocks(weights, section.Sparsity, section.Allocation, section.MinDensity);
        long budget = (long)Math.Round((1 - section.Sparsity) * weights.Sum(weight => (long)weight.Blocks), MidpointRounding.AwayFromZero);
        int[] floor = [.. weights.Select(weight => (int)Math.Ceiling(section.MinDensity * weight.Blocks - 1e-9))];
        int[] alive = [.. weights.Zip(floor, (weight, least) => Math.Max(weight.OutputLines, least))];
        Assert.Equal(Math.Max(budget, floor.Sum()), live.Sum());
        Assert.All(live.Zip(alive.Sum() <= budget ? alive : floor), pair => Assert.True(pair.First >= pair.Second));
        Assert.All(live.Zip(weights), pair => Assert.True(pair.First <= pair.Second.Blocks));

        int[] reversed = LayerAllocation.LiveBlocks([.. weights.Reverse()], section.Sparsity, section.Allocation, section.MinDensity);
        Assert.Equal(live, reversed.Reverse());
    });

    [Fact]
    public void Nothing_is_dead_without_sparsity_and_all_is_without_a_floor_at_one()
    {
        SparseWeight[] weights = SmallModel.Weights(3);
        Assert.Equal(weights.Select(weight => weight.Blocks), LayerAllocation.LiveBlocks(weights, 0, SparsityAllocation.ErdosRenyi));
        Assert.All(LayerAllocation.LiveBlocks(weights, 1, SparsityAllocation.ErdosRenyi), live => Assert.Equal(0, live));
    }

    [Theory]
    [InlineData(false, false, 48)]
    [InlineData(true, false, 49)]
    [InlineData(false, true, 49)]
    [InlineData(true, true, 49)]
    public void A_tied_table_is_covered_as_head_or_as_embedding(bool head, bool embedding, int expected) =>
        Assert.Equal(expected, SparseWeights.Of(ModelPresets.Get("gpt2-124m"), new SparsitySection { Head = head, Embedding = embedding }, 16, 16).Count);

    [Fact]
    public void Only_gpt2s_layers_are_stored_inputs_first()
    {
        TransformerSpec llama = ModelPresets.Get("llama-15m") with { TieWordEmbeddings = false };
        IReadOnlyList<SparseWeight> weights = SparseWeights.Of(llama, new SparsitySection { Head = true, Embedding = true }, 16, 16);
        Assert.Equal(7 * 6 + 2, weights.Count);
        Assert.DoesNotContain(weights, weight => weight.InputsFirst);
        Assert.Equal(48, SparseWeights.Of(ModelPresets.Get("gpt2-124m"), new SparsitySection { Head = true }, 16, 16).Count(weight => weight.InputsFirst));
    }
}
