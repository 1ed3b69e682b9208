using Litespark.Graphs;
using Litespark.Models;
using Litespark.Recipes;

namespace Litespark.Tests.Recipes;

public class ModelResolverTests
{
    static readonly TransformerSpec Basis = new()
    {
        HiddenSize = 64, IntermediateSize = 160, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 16, VocabSize = 32000, MaxPositionEmbeddings = 512,
    };

    static TransformerSpec Resolve(string model, TransformerSpec? basis, int? tokens, string rest = "") =>
        ModelResolver.Resolve(RecipeLoader.Load($"model: {{{model}}}\n{rest}", "test.yaml"), basis, tokens);

    [Fact]
    public void A_preset_keeps_what_the_recipe_leaves_alone_and_takes_the_tokenizers_vocabulary() =>
        Assert.Equal(Basis with { VocabSize = 4096 }, Resolve("preset: p", Basis, 4096));

    [Fact]
    public void Without_a_tokenizer_the_preset_keeps_its_vocabulary() => Assert.Equal(Basis, Resolve("preset: p", Basis, null));

    [Fact]
    public void A_folder_keeps_its_vocabulary() => Assert.Equal(Basis, Resolve("path: p", Basis, 4096));

    [Fact]
    public void Single_keys_change_the_preset()
    {
        TransformerSpec spec = Resolve("preset: p, num_hidden_layers: 3, rope_theta: 500000, vocab_size: 5000, tie_word_embeddings: true, rope_scaling: {factor: 8}, hidden_act: gelu", Basis, 4096);
        Assert.Equal(3, spec.NumHiddenLayers);
        Assert.Equal(500000, spec.RopeTheta);
        Assert.Equal(5000, spec.VocabSize);
        Assert.True(spec.TieWordEmbeddings);
        Assert.Equal(new Llama3RopeScaling(8, 1, 4, 8192), spec.RopeScaling);
        Assert.Equal(ActivationKind.Gelu, spec.Activation);
    }

    [Fact]
    public void The_head_size_follows_a_changed_width() => Assert.Equal(32, Resolve("preset: p, hidden_size: 128", Basis, null).HeadDim);

    [Theory]
    [InlineData("preset: p", 1024)]
    [InlineData("hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, num_attention_heads: 4", 4096)]
    public void A_new_model_with_rotary_positions_takes_the_sequences_it_is_trained_on(string model, int length)
        => Assert.Equal(length, Resolve(model, model.StartsWith("preset", StringComparison.Ordinal) ? Basis : null, 4096, $"training: {{sequence_length: {length}}}").MaxPositionEmbeddings);

    [Fact]
    public void A_shape_without_a_preset_gets_its_familys_defaults()
    {
        TransformerSpec spec = Resolve("model_type: gpt2, hidden_size: 64, num_hidden_layers: 2, num_attention_heads: 4", null, 4096);
        Assert.Equal(256, spec.IntermediateSize);
        Assert.Equal(ActivationKind.GeluTanh, spec.Activation);
        Assert.True(spec is { QkvBias: true, OutputBias: true, MlpBias: true, TieWordEmbeddings: true, VocabSize: 4096 });
    }

    [Theory]
    [InlineData("preset: p, num_attention_heads: 6", "", "test.yaml:1:41: model.num_attention_heads: hidden_size 64 is not divisible by num_attention_heads 6")]
    [InlineData("preset: p, max_position_embeddings: 512", "training: {sequence_length: 1024}", "test.yaml:2:29: training.sequence_length: sequence_length 1024 is longer than the model's max_position_embeddings 512")]
    [InlineData("path: p", "tokenizer: {vocab_size: 40000}", "32000 rows cannot hold the tokenizer's 40000 tokens")]
    public void What_only_the_preset_shows_is_checked_too(string model, string rest, string expected) =>
        Assert.Contains(expected, Assert.Throws<UserErrorException>(() => Resolve(model, Basis, 40000, rest)).Message);
}
