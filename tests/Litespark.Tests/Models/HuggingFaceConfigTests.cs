using System.Text;
using System.Text.Json.Nodes;
using Litespark.Graphs;
using Litespark.Models;

namespace Litespark.Tests.Models;

public class HuggingFaceConfigTests
{
    static TransformerSpec Parse(string json) => HuggingFaceConfig.FromJson(JsonFile.Parse(Encoding.UTF8.GetBytes(json), "config.json"), "config.json");

    static string ErrorOf(string json) => Assert.Throws<UserErrorException>(() => Parse(json)).Message;

    [Fact]
    public void Llama_2_is_read()
    {
        TransformerSpec spec = Parse("""
            {"model_type": "llama", "hidden_size": 64, "intermediate_size": 176, "num_hidden_layers": 3, "num_attention_heads": 4,
             "num_key_value_heads": null, "vocab_size": 500, "rms_norm_eps": 1e-05, "rope_scaling": null, "torch_dtype": "float16", "pretraining_tp": 1}
            """);
        Assert.Equal(new TransformerSpec
        {
            HiddenSize = 64, IntermediateSize = 176, NumHiddenLayers = 3, NumAttentionHeads = 4, NumKeyValueHeads = 4, HeadDim = 16, VocabSize = 500,
            MaxPositionEmbeddings = 2048, NormEpsilon = 1e-5,
        }, spec);
    }

    [Theory]
    [InlineData("\"rope_theta\": 500000.0, \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 32.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 8192}")]
    [InlineData("\"rope_theta\": 500000, \"rope_scaling\": {\"type\": \"llama3\", \"factor\": 32, \"low_freq_factor\": 1, \"high_freq_factor\": 4, \"original_max_position_embeddings\": 8192}")]
    [InlineData("\"rope_parameters\": {\"rope_type\": \"llama3\", \"rope_theta\": 500000.0, \"factor\": 32.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 8192}")]
    public void Llama_3_rope_is_read_in_its_old_and_new_form(string rope)
    {
        TransformerSpec spec = Parse($$"""{"model_type": "llama", "num_key_value_heads": 8, "head_dim": 128, "tie_word_embeddings": true, {{rope}}}""");
        Assert.Equal(new Llama3RopeScaling(32, 1, 4, 8192), spec.RopeScaling);
        Assert.Equal(500000, spec.RopeTheta);
        Assert.Equal(8, spec.NumKeyValueHeads);
        Assert.True(spec.TieWordEmbeddings);
    }

    [Fact]
    public void New_rope_form_without_scaling_carries_theta_only()
    {
        TransformerSpec spec = Parse("""{"model_type": "qwen3", "rope_theta": 7.0, "rope_parameters": {"rope_type": "default", "rope_theta": 1000000}}""");
        Assert.Equal(1000000, spec.RopeTheta);
        Assert.Null(spec.RopeScaling);
    }

    [Fact]
    public void Llama_biases_are_read()
    {
        TransformerSpec spec = Parse("""{"model_type": "llama", "attention_bias": true, "mlp_bias": true}""");
        Assert.True(spec.QkvBias && spec.OutputBias && spec.MlpBias);
    }

    [Theory]
    [InlineData("", 4096)]
    [InlineData(", \"sliding_window\": null", 0)]
    [InlineData(", \"sliding_window\": 256", 256)]
    [InlineData(", \"sliding_window\": 256, \"layer_types\": [\"full_attention\", \"full_attention\"]", 0)]
    public void Mistral_window_is_read(string keys, int window) =>
        Assert.Equal(window, Parse($$"""{"model_type": "mistral"{{keys}}}""").SlidingWindow);

    [Theory]
    [InlineData("", 0)]
    [InlineData(", \"use_sliding_window\": false, \"sliding_window\": 128", 0)]
    [InlineData(", \"use_sliding_window\": true, \"sliding_window\": 128, \"max_window_layers\": 32", 0)]
    [InlineData(", \"use_sliding_window\": true, \"sliding_window\": 128, \"max_window_layers\": 0", 128)]
    [InlineData(", \"use_sliding_window\": true, \"sliding_window\": 128, \"layer_types\": [\"sliding_attention\", \"sliding_attention\"]", 128)]
    public void Qwen_window_counts_only_where_it_is_used(string keys, int window)
    {
        Assert.Equal(window, Parse($$"""{"model_type": "qwen2"{{keys}}}""").SlidingWindow);
        Assert.Equal(window, Parse($$"""{"model_type": "qwen3"{{keys}}}""").SlidingWindow);
    }

    [Fact]
    public void Qwen_2_has_biases_on_q_k_v()
    {
        TransformerSpec spec = Parse("""{"model_type": "qwen2", "hidden_size": 896, "num_attention_heads": 14, "num_key_value_heads": 2, "tie_word_embeddings": true}""");
        Assert.Equal((true, false, false, false), (spec.QkvBias, spec.OutputBias, spec.MlpBias, spec.QkNorm));
        Assert.Equal((64, 22016, 151936), (spec.HeadDim, spec.IntermediateSize, spec.VocabSize));
    }

    [Fact]
    public void Qwen_3_has_a_norm_over_heads_and_a_head_size_of_its_own()
    {
        TransformerSpec spec = Parse("""{"model_type": "qwen3", "hidden_size": 1024, "num_attention_heads": 16, "num_key_value_heads": 8}""");
        Assert.Equal((true, false, 128), (spec.QkNorm, spec.QkvBias, spec.HeadDim));
        Assert.Equal((true, true), Parse("""{"model_type": "qwen3", "attention_bias": true}""") is var biased ? (biased.QkvBias, biased.OutputBias) : default);
    }

    [Fact]
    public void Gpt_2_is_read_with_its_defaults()
    {
        Assert.Equal(ModelPresets.Get("gpt2-124m"), Parse("""{"model_type": "gpt2", "n_inner": null, "activation_function": "gelu_new"}"""));
        TransformerSpec small = Parse("""{"model_type": "gpt2", "n_embd": 32, "n_head": 2, "n_layer": 1, "n_positions": 64, "n_inner": 48, "vocab_size": 99, "layer_norm_epsilon": 1e-6, "tie_word_embeddings": false, "activation_function": "relu"}""");
        Assert.Equal((32, 2, 1, 64, 48, 99), (small.HiddenSize, small.NumAttentionHeads, small.NumHiddenLayers, small.MaxPositionEmbeddings, small.IntermediateSize, small.VocabSize));
        Assert.Equal((1e-6, false, ActivationKind.Relu, 16), (small.NormEpsilon, small.TieWordEmbeddings, small.Activation, small.HeadDim));
    }

    [Fact]
    public void Gpt_2_takes_the_common_names_too() =>
        Assert.Equal(48, Parse("""{"model_type": "gpt2", "hidden_size": 48, "num_attention_heads": 4, "num_hidden_layers": 2, "max_position_embeddings": 8}""").HiddenSize);

    [Theory]
    [InlineData("{}", "model_type is missing")]
    [InlineData("""{"model_type": "mixtral"}""", "llama, mistral, qwen2, qwen3, gpt2")]
    [InlineData("""{"model_type": "llama", "rope_scaling": {"rope_type": "yarn", "factor": 4.0}}""", "rope_scaling: rope_type \"yarn\"")]
    [InlineData("""{"model_type": "llama", "rope_scaling": {"type": "dynamic", "factor": 4.0}}""", "\"dynamic\"")]
    [InlineData("""{"model_type": "llama", "rope_scaling": {"rope_type": "llama3", "factor": 4.0}}""", "low_freq_factor is missing")]
    [InlineData("""{"model_type": "llama", "partial_rotary_factor": 0.5}""", "partial_rotary_factor")]
    [InlineData("""{"model_type": "llama", "quantization_config": {"bits": 4}}""", "quantization_config")]
    [InlineData("""{"model_type": "llama", "hidden_act": "mish"}""", "hidden_act \"mish\"")]
    [InlineData("""{"model_type": "qwen2", "use_sliding_window": true, "max_window_layers": 12}""", "max_window_layers is 12")]
    [InlineData("""{"model_type": "qwen3", "use_sliding_window": true, "layer_types": ["full_attention", "sliding_attention"]}""", "layer_types mixes")]
    [InlineData("""{"model_type": "gpt2", "scale_attn_by_inverse_layer_idx": true}""", "scale_attn_by_inverse_layer_idx")]
    [InlineData("""{"model_type": "gpt2", "scale_attn_weights": false}""", "scale_attn_weights")]
    [InlineData("""{"model_type": "gpt2", "add_cross_attention": true}""", "add_cross_attention")]
    [InlineData("""{"model_type": "llama", "hidden_size": "big"}""", "hidden_size is \"big\"; a whole number is expected")]
    [InlineData("""{"model_type": "llama", "hidden_size": 64.5}""", "hidden_size is 64.5")]
    [InlineData("""{"model_type": "llama", "vocab_size": 99999999999}""", "vocab_size is 99999999999")]
    [InlineData("""{"model_type": "llama", "tie_word_embeddings": 1}""", "tie_word_embeddings is 1; true or false is expected")]
    [InlineData("""{"model_type": 3}""", "model_type is 3; a string is expected")]
    [InlineData("""{"model_type": "llama", "hidden_size": 100, "num_attention_heads": 3}""", "99 or 102 would fit")]
    public void What_cannot_be_read_is_named(string json, string expected)
    {
        string message = ErrorOf(json);
        Assert.StartsWith("config.json: ", message);
        Assert.Contains(expected, message);
    }

    [Fact]
    public void Broken_files_are_named()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("config.json");
        Assert.Contains("no such file", Assert.Throws<UserErrorException>(() => HuggingFaceConfig.Read(path)).Message);
        File.WriteAllText(path, "{\"model_type\": ");
        Assert.Contains("not valid JSON", Assert.Throws<UserErrorException>(() => HuggingFaceConfig.Read(path)).Message);
        File.WriteAllText(path, "[1]");
        Assert.Contains("object", Assert.Throws<UserErrorException>(() => HuggingFaceConfig.Read(path)).Message);
        File.WriteAllText(path, "{\"model_type\": \"gpt2\", \"model_type\": \"llama\"}");
        Assert.Contains("not valid JSON", Assert.Throws<UserErrorException>(() => HuggingFaceConfig.Read(path)).Message);
    }

    public static TheoryData<string> SpecNames => [.. SampleSpecs.All.Keys];

    [Theory]
    [MemberData(nameof(SpecNames))]
    public void Writing_and_reading_gives_the_same_specification(string name)
    {
        TransformerSpec spec = SampleSpecs.All[name];
        JsonObject json = HuggingFaceConfig.ToJson(spec, bosTokenId: 1, eosTokenId: 2);
        Assert.Equal(spec, HuggingFaceConfig.FromJson(json, "memory"));
        Assert.Equal(spec, Parse(json.ToJsonString()));
    }

    [Fact]
    public void Written_files_have_what_loaders_look_for()
    {
        JsonObject json = HuggingFaceConfig.ToJson(ModelPresets.Get("llama-3.2-1b"), eosTokenId: 128001);
        Assert.Equal("LlamaForCausalLM", (string?)json["architectures"]![0]);
        Assert.Equal("float32", (string?)json["torch_dtype"]);
        Assert.True(json.ContainsKey("bos_token_id"));
        Assert.Null(json["bos_token_id"]);
        Assert.Equal(128001, (int?)json["eos_token_id"]);
        Assert.Equal("500000.0", json["rope_theta"]!.ToJsonString());
        Assert.Equal("32.0", json["rope_scaling"]!["factor"]!.ToJsonString());
    }

    static TransformerSpec Override(TransformerSpec spec, string json) =>
        HuggingFaceConfig.Override(spec, JsonFile.Parse(Encoding.UTF8.GetBytes(json), "test"), "recipe.yaml: model");

    [Fact]
    public void Overriding_nothing_changes_nothing() => Assert.All(SampleSpecs.All.Values, spec => Assert.Equal(spec, Override(spec, "{}")));

    [Fact]
    public void Overridden_sizes_take_those_along_that_follow_from_them()
    {
        TransformerSpec llama = Override(ModelPresets.Get("llama-15m"), """{"hidden_size": 256, "num_attention_heads": 8, "vocab_size": 300}""");
        Assert.Equal((256, 8, 8, 32, 768, 300), (llama.HiddenSize, llama.NumAttentionHeads, llama.NumKeyValueHeads, llama.HeadDim, llama.IntermediateSize, llama.VocabSize));
        TransformerSpec gpt2 = Override(ModelPresets.Get("gpt2-124m"), """{"hidden_size": 96, "n_head": 6, "num_hidden_layers": 2}""");
        Assert.Equal((96, 6, 6, 16, 384, 2), (gpt2.HiddenSize, gpt2.NumAttentionHeads, gpt2.NumKeyValueHeads, gpt2.HeadDim, gpt2.IntermediateSize, gpt2.NumHiddenLayers));
        TransformerSpec grouped = Override(ModelPresets.Get("llama-3.2-1b"), """{"num_attention_heads": 16, "rope_scaling": null}""");
        Assert.Equal((16, 8, 128, null), (grouped.NumAttentionHeads, grouped.NumKeyValueHeads, grouped.HeadDim, grouped.RopeScaling));
        Assert.Equal(6, Override(SampleSpecs.All["qwen 3"], """{"hidden_size": 24}""").HeadDim);
        Assert.Equal(64, Override(ModelPresets.Get("llama-15m"), """{"hidden_size": 256, "head_dim": 64}""").HeadDim);
    }

    [Theory]
    [InlineData("""{"hidden_size": 100}""", "hidden_size is 100, which num_attention_heads 6 does not divide; 96 or 102 would fit")]
    [InlineData("""{"hidden_size": "wide"}""", "hidden_size is \"wide\"")]
    [InlineData("""{"model_type": "gpt2"}""", "model_type cannot be replaced")]
    [InlineData("""{"sliding_window": 64}""", "model_type mistral has a window")]
    public void Impossible_overrides_are_named(string json, string expected)
    {
        string message = Assert.Throws<UserErrorException>(() => Override(ModelPresets.Get("llama-15m"), json)).Message;
        Assert.StartsWith("recipe.yaml: model: ", message);
        Assert.Contains(expected, message);
    }
}
