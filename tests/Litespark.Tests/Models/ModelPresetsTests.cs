using Litespark.Models;
using Litespark.Planning;

namespace Litespark.Tests.Models;

public class ModelPresetsTests
{
    [Theory]
    [InlineData("llama-1m", 1_090_432)]
    [InlineData("llama-15m", 7_155_360)]
    [InlineData("llama-110m", 109_529_856)]
    [InlineData("gpt2-124m", 124_439_808)]
    [InlineData("gpt3-xl", 1_315_723_264)]
    [InlineData("llama-3.2-1b", 1_235_814_400)]
    [InlineData("llama-3.2-3b", 3_212_749_824)]
    public void Parameter_counts_are_the_known_ones(string name, long expected) =>
        Assert.Equal(expected, ParameterCatalog.TotalParameters(ModelPresets.Get(name)));

    [Theory]
    [InlineData("litespark-3b", 2.158, 2.289, 16.160)]
    [InlineData("litespark-30b", 32.10, 32.53, 213.52)]
    public void Reports_models_have_its_counts_and_flops(string name, double nonEmbeddingBillions, double totalBillions, double gigaflopsPerToken)
    {
        TransformerSpec spec = ModelPresets.Get(name);
        Assert.Equal(nonEmbeddingBillions, ParameterCatalog.NonEmbeddingParameters(spec) / 1e9, tolerance: 0.005);
        Assert.Equal(totalBillions, ParameterCatalog.TotalParameters(spec) / 1e9, tolerance: 0.005);
        Assert.Equal(gigaflopsPerToken, ParameterCatalog.FlopsPerToken(spec, 4096) / 1e9, tolerance: 0.01);
    }

    [Fact]
    public void Flops_count_the_head_once_and_no_positions()
    {
        TransformerSpec gpt2 = ModelPresets.Get("gpt2-124m");
        long layers = 12L * (12 * 768 * 768 + 13 * 768) + 2 * 768;
        Assert.Equal(layers, ParameterCatalog.NonEmbeddingParameters(gpt2));
        Assert.Equal(6 * (layers + 50257L * 768) + 12L * 12 * 768 * 1024, ParameterCatalog.FlopsPerToken(gpt2, 1024));
        Assert.Equal(ParameterCatalog.FlopsPerToken(gpt2, 64), ParameterCatalog.FlopsPerToken(gpt2 with { TieWordEmbeddings = false }, 64));
    }

    [Fact]
    public void All_presets_are_found_by_their_names()
    {
        Assert.Equal(
            ["llama-1m", "llama-15m", "llama-110m", "gpt2-124m", "gpt3-xl", "llama-3.2-1b", "llama-3.2-3b", "litespark-3b", "litespark-30b"],
            ModelPresets.All.Select(preset => preset.Name));
        Assert.All(ModelPresets.All, preset => Assert.Same(preset.Spec, ModelPresets.Get(preset.Name)));
    }

    [Theory]
    [InlineData("llama-15", "Did you mean \"llama-15m\"?")]
    [InlineData("LLAMA-3.2-1B", "Did you mean \"llama-3.2-1b\"?")]
    [InlineData("gpt-2-124m", "Did you mean \"gpt2-124m\"?")]
    [InlineData("something else", "Presets are llama-1m, ")]
    public void Unknown_names_get_a_suggestion(string name, string expected)
    {
        string message = Assert.Throws<UserErrorException>(() => ModelPresets.Get(name)).Message;
        Assert.Contains(expected, message);
        Assert.Equal(name == "something else", !message.Contains("Did you mean"));
    }

    static string[] Names(TransformerSpec spec) => [.. ParameterCatalog.Tensors(spec).Select(Text)];

    static string Text(TensorInfo tensor) => $"{tensor.Name} [{string.Join(",", tensor.Shape)}]";

    [Fact]
    public void Llama_tensors_are_named_as_in_its_state_dictionary() => Assert.Equal(
        [
            "model.embed_tokens.weight [17,12]",
            "model.layers.0.self_attn.q_proj.weight [12,12]",
            "model.layers.0.self_attn.k_proj.weight [4,12]",
            "model.layers.0.self_attn.v_proj.weight [4,12]",
            "model.layers.0.self_attn.o_proj.weight [12,12]",
            "model.layers.0.mlp.gate_proj.weight [20,12]",
            "model.layers.0.mlp.up_proj.weight [20,12]",
            "model.layers.0.mlp.down_proj.weight [12,20]",
            "model.layers.0.input_layernorm.weight [12]",
            "model.layers.0.post_attention_layernorm.weight [12]",
            "model.norm.weight [12]",
            "lm_head.weight [17,12]",
        ], Names(SampleSpecs.TinyLlama with { NumHiddenLayers = 1 }));

    [Fact]
    public void Gpt2_tensors_are_named_and_stored_input_first() => Assert.Equal(
        [
            "transformer.wte.weight [17,12]",
            "transformer.wpe.weight [9,12]",
            "transformer.h.0.ln_1.weight [12]",
            "transformer.h.0.ln_1.bias [12]",
            "transformer.h.0.attn.c_attn.weight [12,36]",
            "transformer.h.0.attn.c_attn.bias [36]",
            "transformer.h.0.attn.c_proj.weight [12,12]",
            "transformer.h.0.attn.c_proj.bias [12]",
            "transformer.h.0.ln_2.weight [12]",
            "transformer.h.0.ln_2.bias [12]",
            "transformer.h.0.mlp.c_fc.weight [12,40]",
            "transformer.h.0.mlp.c_fc.bias [40]",
            "transformer.h.0.mlp.c_proj.weight [40,12]",
            "transformer.h.0.mlp.c_proj.bias [12]",
            "transformer.ln_f.weight [12]",
            "transformer.ln_f.bias [12]",
        ], Names(SampleSpecs.TinyGpt2 with { NumHiddenLayers = 1 }));

    [Fact]
    public void Qwen_tensors_have_their_biases_norms_and_head_size()
    {
        string[] qwen2 = Names(SampleSpecs.All["qwen 2"]);
        Assert.Contains("model.layers.1.self_attn.k_proj.bias [4]", qwen2);
        Assert.DoesNotContain(qwen2, name => name.Contains("o_proj.bias"));
        string[] qwen3 = Names(SampleSpecs.All["qwen 3"]);
        Assert.Contains("model.layers.1.self_attn.q_norm.weight [6]", qwen3);
        Assert.Contains("model.layers.1.self_attn.k_norm.weight [6]", qwen3);
        Assert.Contains("model.layers.0.self_attn.q_proj.weight [18,12]", qwen3);
        Assert.Contains("model.layers.0.self_attn.o_proj.weight [12,18]", qwen3);
        Assert.DoesNotContain(qwen3, name => name.StartsWith("lm_head"));
    }
}
