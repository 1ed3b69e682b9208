using System.Globalization;
using System.Text.Json.Nodes;
using Litespark.Graphs;

namespace Litespark.Models;

/// <summary>Writes <c>config.json</c> with every key, so that no reader depends on a default.</summary>
internal static class HuggingFaceConfigWriter
{
    /// <summary>The configuration of a validated specification.</summary>
    public static JsonObject Write(TransformerSpec spec, int? bosTokenId, int? eosTokenId)
    {
        var config = new JsonObject
        {
            ["architectures"] = new JsonArray(JsonValue.Create(spec.Family.Architecture())),
            ["model_type"] = spec.Family.ModelType(),
        };
        if (spec.Family == ModelFamily.Gpt2)
            AddGpt2(config, spec);
        else
            AddLlamaLike(config, spec);

        config["vocab_size"] = spec.VocabSize;
        config["tie_word_embeddings"] = spec.TieWordEmbeddings;
        config["initializer_range"] = Float(spec.InitializerRange);
        config["bos_token_id"] = bosTokenId;
        config["eos_token_id"] = eosTokenId;
        config["torch_dtype"] = "float32";
        config["use_cache"] = true;
        return config;
    }

    static void AddLlamaLike(JsonObject config, TransformerSpec spec)
    {
        config["hidden_size"] = spec.HiddenSize;
        config["intermediate_size"] = spec.IntermediateSize;
        config["num_hidden_layers"] = spec.NumHiddenLayers;
        config["num_attention_heads"] = spec.NumAttentionHeads;
        config["num_key_value_heads"] = spec.NumKeyValueHeads;
        config["head_dim"] = spec.HeadDim;
        config["hidden_act"] = ActivationName(spec.Activation, "gelu_pytorch_tanh");
        config["max_position_embeddings"] = spec.MaxPositionEmbeddings;
        config["rms_norm_eps"] = Float(spec.NormEpsilon);
        config["rope_theta"] = Float(spec.RopeTheta);
        config["rope_scaling"] = spec.RopeScaling is { } scaling
            ? new JsonObject
            {
                ["rope_type"] = "llama3",
                ["factor"] = Float(scaling.Factor),
                ["low_freq_factor"] = Float(scaling.LowFrequencyFactor),
                ["high_freq_factor"] = Float(scaling.HighFrequencyFactor),
                ["original_max_position_embeddings"] = scaling.OriginalMaxPositions,
            }
            : null;
        config["attention_dropout"] = Float(0);

        if (spec.Family is ModelFamily.Llama or ModelFamily.Qwen3)
            config["attention_bias"] = spec.QkvBias;
        if (spec.Family == ModelFamily.Llama)
            config["mlp_bias"] = spec.MlpBias;
        if (spec.Family != ModelFamily.Llama)
            config["sliding_window"] = spec.SlidingWindow > 0 ? spec.SlidingWindow : null;
        if (spec.Family is ModelFamily.Qwen2 or ModelFamily.Qwen3)
        {
            config["use_sliding_window"] = spec.SlidingWindow > 0;
            // The first layer that has a window.
            config["max_window_layers"] = spec.SlidingWindow > 0 ? 0 : spec.NumHiddenLayers;
        }
    }

    static void AddGpt2(JsonObject config, TransformerSpec spec)
    {
        config["n_embd"] = spec.HiddenSize;
        config["n_inner"] = spec.IntermediateSize;
        config["n_layer"] = spec.NumHiddenLayers;
        config["n_head"] = spec.NumAttentionHeads;
        config["n_positions"] = spec.MaxPositionEmbeddings;
        config["n_ctx"] = spec.MaxPositionEmbeddings;
        config["activation_function"] = ActivationName(spec.Activation, "gelu_new");
        config["layer_norm_epsilon"] = Float(spec.NormEpsilon);
        config["attn_pdrop"] = Float(0);
        config["embd_pdrop"] = Float(0);
        config["resid_pdrop"] = Float(0);
        config["scale_attn_weights"] = true;
        config["scale_attn_by_inverse_layer_idx"] = false;
        config["reorder_and_upcast_attn"] = false;
    }

    static string ActivationName(ActivationKind kind, string geluTanh) => kind switch
    {
        ActivationKind.Silu => "silu",
        ActivationKind.Gelu => "gelu",
        ActivationKind.GeluTanh => geluTanh,
        ActivationKind.Relu => "relu",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown activation."),
    };

    /// <summary>
    /// A number with a point or an exponent: newer versions of <c>transformers</c> check types and refuse a whole number for a float.
    /// The shortest text that reads back to the same double.
    /// </summary>
    static JsonNode Float(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        return JsonNode.Parse(text.AsSpan().ContainsAny('.', 'E') ? text : text + ".0")!;
    }
}
