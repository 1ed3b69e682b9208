using Litespark.Graphs;

namespace Litespark.Models;

/// <summary>Families that differ in structure or in parameter names, by Hugging Face's <c>model_type</c>.</summary>
public enum ModelFamily
{
    /// <summary>Llama 2 and 3: RMSNorm, RoPE, grouped-query attention, SwiGLU.</summary>
    Llama,

    /// <summary>Mistral: Llama with a sliding attention window.</summary>
    Mistral,

    /// <summary>Qwen 2: Llama with biases on Q, K and V.</summary>
    Qwen2,

    /// <summary>Qwen 3: Llama with RMSNorm over each head of Q and K, and a head size of its own.</summary>
    Qwen3,

    /// <summary>GPT-2: LayerNorm, learned positions, GELU, biases, weights stored input-first.</summary>
    Gpt2,
}

/// <summary>Llama 3's frequency scaling (<c>rope_scaling.rope_type = "llama3"</c>).</summary>
public sealed record Llama3RopeScaling(double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalMaxPositions);

/// <summary>
/// The architecture of a decoder-only transformer, in the terms of Hugging Face's <c>config.json</c>.
/// Immutable. <see cref="HuggingFaceConfig"/> reads and writes it; <see cref="Validate"/> tells whether a model can be built of it.
/// </summary>
public sealed record TransformerSpec
{
    /// <summary>Structure and parameter names.</summary>
    public ModelFamily Family { get; init; } = ModelFamily.Llama;

    /// <summary>Width of the residual stream (<c>hidden_size</c>, GPT-2: <c>n_embd</c>).</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the MLP (<c>intermediate_size</c>, GPT-2: <c>n_inner</c>, by default 4 × hidden).</summary>
    public required int IntermediateSize { get; init; }

    /// <summary><c>num_hidden_layers</c> (GPT-2: <c>n_layer</c>).</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>Query heads: <c>num_attention_heads</c> (GPT-2: <c>n_head</c>).</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>Key and value heads: <c>num_key_value_heads</c>; divides the query heads.</summary>
    public required int NumKeyValueHeads { get; init; }

    /// <summary>Width of one head: <c>head_dim</c>, by default hidden / heads.</summary>
    public required int HeadDim { get; init; }

    /// <summary><c>vocab_size</c>.</summary>
    public required int VocabSize { get; init; }

    /// <summary>Longest sequence: <c>max_position_embeddings</c> (GPT-2: <c>n_positions</c>, the rows of the learned table).</summary>
    public int MaxPositionEmbeddings { get; init; } = 2048;

    /// <summary>Output head shares the embedding's weights: <c>tie_word_embeddings</c>.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>Epsilon under the root: <c>rms_norm_eps</c> (GPT-2: <c>layer_norm_epsilon</c>).</summary>
    public double NormEpsilon { get; init; } = 1e-5;

    /// <summary><c>rope_theta</c>; unused by GPT-2.</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>Llama 3's scaling of the rotary frequencies, or none.</summary>
    public Llama3RopeScaling? RopeScaling { get; init; }

    /// <summary>A query sees this many keys, itself included (<c>sliding_window</c>); 0 = all before it.</summary>
    public int SlidingWindow { get; init; }

    /// <summary>Biases on Q, K, V: GPT-2, Qwen 2, or Llama's <c>attention_bias</c>.</summary>
    public bool QkvBias { get; init; }

    /// <summary>Biases on the attention's output projection.</summary>
    public bool OutputBias { get; init; }

    /// <summary>Biases in the MLP (<c>mlp_bias</c>).</summary>
    public bool MlpBias { get; init; }

    /// <summary>RMSNorm over each head of Q and K before RoPE (Qwen 3).</summary>
    public bool QkNorm { get; init; }

    /// <summary>The MLP's non-linearity.</summary>
    public ActivationKind Activation { get; init; } = ActivationKind.Silu;

    /// <summary>Standard deviation of initial weights: <c>initializer_range</c>.</summary>
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Checks that a model of this shape can be built and that its family's <c>config.json</c> can say all of it.</summary>
    /// <param name="source">Where the values come from (a file, a recipe's section); opens the message.</param>
    /// <exception cref="UserErrorException">Names the key, its value and what would be right.</exception>
    public void Validate(string source) => TransformerSpecValidator.Validate(this, source);
}
