using Litespark.Models;

namespace Litespark.Tests.Models;

public class TransformerSpecTests
{
    static readonly TransformerSpec s_llama = SampleSpecs.TinyLlama, s_gpt2 = SampleSpecs.TinyGpt2;

    public static TheoryData<string, TransformerSpec, string> Impossible => new()
    {
        { "no layers", s_llama with { NumHiddenLayers = 0 }, "num_hidden_layers is 0; a whole number of 1 or more" },
        { "negative vocabulary", s_llama with { VocabSize = -1 }, "vocab_size is -1" },
        { "gpt-2's name", s_gpt2 with { HiddenSize = 0 }, "n_embd is 0" },
        { "kv heads", s_llama with { NumAttentionHeads = 6, NumKeyValueHeads = 4 }, "num_key_value_heads is 4, which does not divide num_attention_heads 6; one of 1, 2, 3, 6 would" },
        { "more kv heads than heads", s_llama with { NumKeyValueHeads = 6 }, "num_key_value_heads is 6" },
        { "odd head", s_llama with { HeadDim = 5 }, "head_dim is 5" },
        { "huge tensor", s_llama with { VocabSize = 1 << 20, HiddenSize = 1 << 12 }, "more than one tensor can hold" },
        { "epsilon", s_llama with { NormEpsilon = 0 }, "rms_norm_eps is 0" },
        { "NaN theta", s_llama with { RopeTheta = double.NaN }, "rope_theta is NaN" },
        { "init", s_llama with { InitializerRange = -0.1 }, "initializer_range is -0.1" },
        { "negative window", s_llama with { Family = ModelFamily.Mistral, SlidingWindow = -4 }, "sliding_window is -4" },
        { "rope factors", s_llama with { RopeScaling = new(8, 4, 4, 100) }, "high_freq_factor is 4" },
        { "rope factor", s_llama with { RopeScaling = new(0, 1, 4, 100) }, "rope_scaling.factor is 0" },
        { "llama with a window", s_llama with { SlidingWindow = 5 }, "model_type mistral has a window" },
        { "llama with a norm", s_llama with { QkNorm = true }, "model_type qwen3 has" },
        { "half biases", s_llama with { QkvBias = true }, "all four or on none" },
        { "mistral with biases", s_llama with { Family = ModelFamily.Mistral, QkvBias = true, OutputBias = true }, "model of type mistral has none" },
        { "qwen 2 without biases", s_llama with { Family = ModelFamily.Qwen2 }, "biases on Q, K, V" },
        { "qwen 3 without a norm", s_llama with { Family = ModelFamily.Qwen3 }, "always has one" },
        { "qwen 3 with MLP biases", s_llama with { Family = ModelFamily.Qwen3, QkNorm = true, MlpBias = true }, "mlp_bias" },
        { "gpt-2 with groups", s_gpt2 with { NumKeyValueHeads = 1 }, "num_key_value_heads is 1" },
        { "gpt-2 with a head size", s_gpt2 with { HeadDim = 5 }, "n_embd / n_head, 4" },
        { "gpt-2 heads", s_gpt2 with { NumAttentionHeads = 5, NumKeyValueHeads = 5 }, "n_embd is 12, which n_head 5 does not divide; 10 or 15 would fit" },
        { "gpt-2 without biases", s_gpt2 with { MlpBias = false }, "biases on every linear layer" },
        { "gpt-2 with rope", s_gpt2 with { RopeTheta = 5 }, "learned positions" },
    };

    [Theory]
    [MemberData(nameof(Impossible))]
    public void Impossible_shapes_are_named_with_what_would_be_right(string _, TransformerSpec spec, string expected)
    {
        string message = Assert.Throws<UserErrorException>(() => spec.Validate("recipe.yaml: model")).Message;
        Assert.StartsWith("recipe.yaml: model: ", message);
        Assert.Contains(expected, message);
    }

    [Fact]
    public void Samples_are_valid() => Assert.All(SampleSpecs.All.Values, spec => spec.Validate("sample"));
}
