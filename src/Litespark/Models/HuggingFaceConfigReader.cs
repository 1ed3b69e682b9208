using Litespark.Graphs;

namespace Litespark.Models;

/// <summary>
/// Reads <c>config.json</c>. The defaults are those of the configuration classes of <c>transformers</c>
/// (<c>src/transformers/models/*/configuration_*.py</c>).
/// </summary>
internal static class HuggingFaceConfigReader
{
    const string FullAttention = "full_attention";
    const string SlidingAttention = "sliding_attention";

    /// <summary>Reads a configuration of any supported type; the shape is not validated yet.</summary>
    public static TransformerSpec Read(ConfigValues config)
    {
        string supported = string.Join(", ", ModelFamilies.ModelTypes);
        string modelType = config.OptionalString("model_type") ?? throw config.Error($"model_type is missing; one of {supported} is expected");
        ModelFamily family = ModelFamilies.Find(modelType) ?? throw config.Error($"model_type \"{modelType}\" is not supported; supported are {supported}");
        if (config.OptionalObject("quantization_config") != null)
            throw config.Error("quantization_config is given, but quantised weights are not supported; use the model's unquantised folder");
        return family == ModelFamily.Gpt2 ? ReadGpt2(config) : ReadLlamaLike(config, family);
    }

    static TransformerSpec ReadLlamaLike(ConfigValues config, ModelFamily family)
    {
        bool qwen = family is ModelFamily.Qwen2 or ModelFamily.Qwen3;
        int hidden = config.Int(4096, "hidden_size");
        int heads = config.Int(32, "num_attention_heads");
        int layers = config.Int(32, "num_hidden_layers");
        bool attentionBias = family is ModelFamily.Llama or ModelFamily.Qwen3 && config.Bool(false, "attention_bias");

        return new TransformerSpec
        {
            Family = family,
            HiddenSize = hidden,
            IntermediateSize = config.Int(family switch { ModelFamily.Llama => 11008, ModelFamily.Mistral => 14336, _ => 22016 }, "intermediate_size"),
            NumHiddenLayers = layers,
            NumAttentionHeads = heads,
            NumKeyValueHeads = ReadKeyValueHeads(config, family, heads),
            HeadDim = ReadHeadDim(config, family, hidden, heads),
            VocabSize = config.Int(qwen ? 151936 : 32000, "vocab_size"),
            MaxPositionEmbeddings = config.Int(
                family switch { ModelFamily.Llama => 2048, ModelFamily.Mistral => 131072, _ => 32768 }, "max_position_embeddings"),
            TieWordEmbeddings = config.Bool(false, "tie_word_embeddings"),
            NormEpsilon = config.Double(1e-6, "rms_norm_eps"),
            RopeTheta = ReadRopeTheta(config),
            RopeScaling = ReadRopeScaling(config),
            SlidingWindow = ReadSlidingWindow(config, family, layers),
            QkvBias = family == ModelFamily.Qwen2 || attentionBias,
            OutputBias = attentionBias,
            MlpBias = family == ModelFamily.Llama && config.Bool(false, "mlp_bias"),
            QkNorm = family == ModelFamily.Qwen3,
            Activation = ReadActivation(config, ActivationKind.Silu, "hidden_act"),
            InitializerRange = config.Double(0.02, "initializer_range"),
        };
    }

    static TransformerSpec ReadGpt2(ConfigValues config)
    {
        if (!config.Bool(true, "scale_attn_weights"))
            throw config.Error("scale_attn_weights is false, but unscaled attention is not supported; true is");
        if (config.Bool(false, "scale_attn_by_inverse_layer_idx"))
            throw config.Error("scale_attn_by_inverse_layer_idx is true, but scaling by the layer's index is not supported; false is");
        if (config.Bool(false, "add_cross_attention"))
            throw config.Error("add_cross_attention is true, but only decoders without cross-attention are supported");

        int hidden = config.Int(768, "n_embd", "hidden_size");
        int heads = config.Int(12, "n_head", "num_attention_heads");
        int headDim = config.OptionalInt("head_dim") ?? TransformerSpecValidator.DefaultHeadDim(ModelFamily.Gpt2, hidden, heads, config.Source);
        return new TransformerSpec
        {
            Family = ModelFamily.Gpt2,
            HiddenSize = hidden,
            IntermediateSize = config.OptionalInt("n_inner", "intermediate_size") ?? (int)Math.Min(4L * hidden, int.MaxValue),
            NumHiddenLayers = config.Int(12, "n_layer", "num_hidden_layers"),
            NumAttentionHeads = heads,
            NumKeyValueHeads = config.Int(heads, "num_key_value_heads"),
            HeadDim = headDim,
            VocabSize = config.Int(50257, "vocab_size"),
            MaxPositionEmbeddings = config.Int(1024, "n_positions", "max_position_embeddings"),
            TieWordEmbeddings = config.Bool(true, "tie_word_embeddings"),
            NormEpsilon = config.Double(1e-5, "layer_norm_epsilon"),
            QkvBias = true,
            OutputBias = true,
            MlpBias = true,
            Activation = ReadActivation(config, ActivationKind.GeluTanh, "activation_function", "hidden_act"),
            InitializerRange = config.Double(0.02, "initializer_range"),
        };
    }

    static int ReadKeyValueHeads(ConfigValues config, ModelFamily family, int heads)
    {
        // Absent is not null here: null means as many as query heads, absent the class's own number.
        int absent = family switch { ModelFamily.Llama => heads, ModelFamily.Mistral => 8, _ => 32 };
        return config.Int(config.Has("num_key_value_heads") ? heads : absent, "num_key_value_heads");
    }

    static int ReadHeadDim(ConfigValues config, ModelFamily family, int hidden, int heads)
    {
        if (config.OptionalInt("head_dim") is { } given)
            return given;
        return family == ModelFamily.Qwen3 ? 128 : TransformerSpecValidator.DefaultHeadDim(family, hidden, heads, config.Source);
    }

    static double ReadRopeTheta(ConfigValues config) =>
        config.OptionalObject("rope_parameters")?.Double(double.NaN, "rope_theta") is { } nested && !double.IsNaN(nested)
            ? nested
            : config.Double(10000, "rope_theta");

    /// <summary><c>rope_scaling</c> is the older form; <c>rope_parameters</c>, which holds <c>rope_theta</c> too, the newer one.</summary>
    static Llama3RopeScaling? ReadRopeScaling(ConfigValues config)
    {
        if (config.Double(1, "partial_rotary_factor") != 1)
            throw config.Error("partial_rotary_factor is not 1, but rotating a part of a head is not supported");
        if ((config.OptionalObject("rope_scaling") ?? config.OptionalObject("rope_parameters")) is not { } rope)
            return null;
        if (rope.Double(1, "partial_rotary_factor") != 1)
            throw rope.Error("partial_rotary_factor is not 1, but rotating a part of a head is not supported");

        string type = rope.OptionalString("rope_type", "type") ?? "default";
        return type switch
        {
            "default" => null,
            "llama3" => new Llama3RopeScaling(rope.RequiredDouble("factor"), rope.RequiredDouble("low_freq_factor"), rope.RequiredDouble("high_freq_factor"),
                rope.OptionalInt("original_max_position_embeddings") ?? throw rope.Error("original_max_position_embeddings is missing; a whole number is expected")),
            _ => throw rope.Error($"rope_type \"{type}\" is not supported; supported are \"default\" and \"llama3\""),
        };
    }

    /// <summary>One window for all layers, or 0; a mixture of windowed and full layers has no place in the specification.</summary>
    static int ReadSlidingWindow(ConfigValues config, ModelFamily family, int layers)
    {
        if (family == ModelFamily.Llama)
            return config.Int(0, "sliding_window");
        int window = config.Int(config.Has("sliding_window") ? 0 : 4096, "sliding_window");
        if (family == ModelFamily.Mistral)
            return config.OptionalStrings("layer_types") is { } types ? WindowOfLayers(config, types, window) : window;

        if (!config.Bool(false, "use_sliding_window") || window == 0)
            return 0;
        if (config.OptionalStrings("layer_types") is { } qwenTypes)
            return WindowOfLayers(config, qwenTypes, window);
        int firstWindowed = config.Int(28, "max_window_layers");
        if (firstWindowed >= layers)
            return 0;
        return firstWindowed <= 0 ? window : throw config.Error(
            $"max_window_layers is {firstWindowed} of {layers} layers, but a window on a part of the layers is not supported; 0 (all) or {layers} (none) is");
    }

    static int WindowOfLayers(ConfigValues config, string[] types, int window)
    {
        if (types.FirstOrDefault(type => type is not (FullAttention or SlidingAttention)) is { } unknown)
            throw config.Error($"layer_types names \"{unknown}\", which is not supported; \"{FullAttention}\" and \"{SlidingAttention}\" are");
        if (types.Distinct().Count() > 1)
            throw config.Error($"layer_types mixes {FullAttention} and {SlidingAttention}, which is not supported; all layers have to be of one kind");
        return types.Contains(SlidingAttention) ? window : 0;
    }

    static ActivationKind ReadActivation(ConfigValues config, ActivationKind fallback, params ReadOnlySpan<string> keys) =>
        config.OptionalString(keys) switch
        {
            null => fallback,
            "silu" or "swish" => ActivationKind.Silu,
            "gelu" => ActivationKind.Gelu,
            "gelu_new" or "gelu_pytorch_tanh" or "gelu_fast" => ActivationKind.GeluTanh,
            "relu" => ActivationKind.Relu,
            var other => throw config.Error($"{keys[0]} \"{other}\" is not supported; supported are silu, gelu, gelu_new, gelu_pytorch_tanh, relu"),
        };
}
