using Litespark.Graphs;
using Litespark.Models;
using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.ModelSection>;

namespace Litespark.Recipes;

/// <summary>
/// The recipe's <c>model</c> section: a preset, a folder to start from, or the architecture itself, in the words of
/// Hugging Face's <c>config.json</c>. A key that is null keeps what the preset or the folder says.
/// </summary>
public sealed record ModelSection
{
    /// <summary>Name of a built-in architecture, or null.</summary>
    public string? Preset { get; init; }

    /// <summary>Folder with a model to start from (Hugging Face, checkpoint or run), or null.</summary>
    public string? Path { get; init; }

    /// <summary>Family, by <c>model_type</c>.</summary>
    public ModelFamily? ModelType { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public int? HiddenSize { get; init; }

    /// <summary>Width of the MLP.</summary>
    public int? IntermediateSize { get; init; }

    /// <summary>Number of layers.</summary>
    public int? NumHiddenLayers { get; init; }

    /// <summary>Query heads.</summary>
    public int? NumAttentionHeads { get; init; }

    /// <summary>Key and value heads.</summary>
    public int? NumKeyValueHeads { get; init; }

    /// <summary>Width of one head.</summary>
    public int? HeadDim { get; init; }

    /// <summary>Rows of the embedding.</summary>
    public int? VocabSize { get; init; }

    /// <summary>Longest sequence.</summary>
    public int? MaxPositionEmbeddings { get; init; }

    /// <summary>Whether the output head shares the embedding's weights.</summary>
    public bool? TieWordEmbeddings { get; init; }

    /// <summary>The MLP's non-linearity.</summary>
    public ActivationKind? HiddenAct { get; init; }

    /// <summary>Epsilon of the norms: <c>rms_norm_eps</c>; GPT-2's <c>layer_norm_epsilon</c> too.</summary>
    public double? RmsNormEps { get; init; }

    /// <summary>Base of the rotary frequencies.</summary>
    public double? RopeTheta { get; init; }

    /// <summary>Llama 3's scaling of the rotary frequencies.</summary>
    public RopeScalingSection RopeScaling { get; init; } = new();

    /// <summary>Keys that a query sees, itself included; 0 = all before it.</summary>
    public int? SlidingWindow { get; init; }

    /// <summary>Biases in the attention's projections.</summary>
    public bool? AttentionBias { get; init; }

    /// <summary>Biases in the MLP.</summary>
    public bool? MlpBias { get; init; }

    /// <summary>Standard deviation of initial weights.</summary>
    public double? InitializerRange { get; init; }

    internal static readonly Definition<ModelSection>[] Definitions =
    [
        Key("preset", Kinds.OptionalText, s => s.Preset, (s, v) => s with { Preset = v },
            "Built-in architecture: llama-1m, llama-15m, llama-110m, gpt2-124m, gpt3-xl, llama-3.2-1b, llama-3.2-3b, litespark-3b or litespark-30b. The keys below change single values of it."),
        Key("path", Kinds.OptionalText, s => s.Path, (s, v) => s with { Path = v },
            "Folder to start from instead: a Hugging Face model, a checkpoint or a run; its weights are loaded."),
        Key("model_type", Kinds.Optional(Family), s => s.ModelType, (s, v) => s with { ModelType = v },
            "Family: decides the structure and the names of the parameters; null = the preset's or the folder's, else llama."),
        Key("hidden_size", Kinds.Optional(Kinds.Integer(1)), s => s.HiddenSize, (s, v) => s with { HiddenSize = v },
            "Width of the residual stream."),
        Key("intermediate_size", Kinds.Optional(Kinds.Integer(1)), s => s.IntermediateSize, (s, v) => s with { IntermediateSize = v },
            "Width of the MLP; null without a preset = 4 × hidden_size for gpt2."),
        Key("num_hidden_layers", Kinds.Optional(Kinds.Integer(1)), s => s.NumHiddenLayers, (s, v) => s with { NumHiddenLayers = v },
            "Number of transformer layers."),
        Key("num_attention_heads", Kinds.Optional(Kinds.Integer(1)), s => s.NumAttentionHeads, (s, v) => s with { NumAttentionHeads = v },
            "Query heads per layer."),
        Key("num_key_value_heads", Kinds.Optional(Kinds.Integer(1)), s => s.NumKeyValueHeads, (s, v) => s with { NumKeyValueHeads = v },
            "Key and value heads per layer; divides num_attention_heads (fewer = grouped-query attention); null without a preset = as many."),
        Key("head_dim", Kinds.Optional(Kinds.Integer(1)), s => s.HeadDim, (s, v) => s with { HeadDim = v },
            "Width of one head; null without a preset = hidden_size / num_attention_heads."),
        Key("vocab_size", Kinds.Optional(Kinds.Integer(2)), s => s.VocabSize, (s, v) => s with { VocabSize = v },
            "Rows of the embedding; null = the tokenizer's size (with path or synthetic data the model's own)."),
        Key("max_position_embeddings", Kinds.Optional(Kinds.Integer(1)), s => s.MaxPositionEmbeddings, (s, v) => s with { MaxPositionEmbeddings = v },
            "Longest sequence in tokens that the model is made for; null = the preset's or 2048, for a new model with rotary positions at least training.sequence_length."),
        Key("tie_word_embeddings", Kinds.Optional(Kinds.Boolean), s => s.TieWordEmbeddings, (s, v) => s with { TieWordEmbeddings = v },
            "The output head shares the embedding's weights."),
        Key("hidden_act", Kinds.Optional(Activation), s => s.HiddenAct, (s, v) => s with { HiddenAct = v },
            "Non-linearity of the MLP."),
        Key("rms_norm_eps", Kinds.Optional(Kinds.Positive()), s => s.RmsNormEps, (s, v) => s with { RmsNormEps = v },
            "Epsilon under the root of the norms (GPT-2's layer_norm_epsilon is set here too)."),
        Key("rope_theta", Kinds.Optional(Kinds.Positive()), s => s.RopeTheta, (s, v) => s with { RopeTheta = v },
            "Base of the rotary frequencies; unused by gpt2."),
        Section("rope_scaling", s => s.RopeScaling, (s, v) => s with { RopeScaling = v }, RopeScalingSection.Definitions,
            "Scaling of the rotary frequencies for long contexts; set factor to switch it on."),
        Key("sliding_window", Kinds.Optional(Kinds.Integer(0)), s => s.SlidingWindow, (s, v) => s with { SlidingWindow = v },
            "Tokens that a query sees, itself included; 0 = all before it."),
        Key("attention_bias", Kinds.Optional(Kinds.Boolean), s => s.AttentionBias, (s, v) => s with { AttentionBias = v },
            "Biases on the attention's projections."),
        Key("mlp_bias", Kinds.Optional(Kinds.Boolean), s => s.MlpBias, (s, v) => s with { MlpBias = v },
            "Biases on the MLP's projections."),
        Key("initializer_range", Kinds.Optional(Kinds.Positive()), s => s.InitializerRange, (s, v) => s with { InitializerRange = v },
            "Standard deviation of the initial weights."),
    ];

    static ValueKind<ModelFamily> Family => Kinds.Choice(
        ("llama", ModelFamily.Llama), ("mistral", ModelFamily.Mistral), ("qwen2", ModelFamily.Qwen2), ("qwen3", ModelFamily.Qwen3), ("gpt2", ModelFamily.Gpt2));

    static ValueKind<ActivationKind> Activation => Kinds.Choice(
        ("silu", ActivationKind.Silu), ("gelu", ActivationKind.Gelu), ("gelu_new", ActivationKind.GeluTanh), ("gelu_pytorch_tanh", ActivationKind.GeluTanh), ("relu", ActivationKind.Relu));
}
