using Litespark.Graphs;

namespace Litespark.Models;

/// <summary>Finds the first thing in a specification that makes its model impossible, and says what would be right.</summary>
internal static class TransformerSpecValidator
{
    /// <summary>Throws if no model can be built of <paramref name="spec"/>, or if its family has no key for a part of it.</summary>
    /// <exception cref="UserErrorException">Names the key, its value and what would be right.</exception>
    public static void Validate(TransformerSpec spec, string source)
    {
        CheckSizes(spec, source);
        CheckHeads(spec, source);
        CheckNumbers(spec, source);
        if (spec.RopeScaling is { } scaling)
            CheckRopeScaling(scaling, source);
        CheckFamily(spec, source);
    }

    /// <summary>The head size that follows when none is given: hidden / heads.</summary>
    /// <exception cref="UserErrorException">The hidden size is not a multiple of the heads.</exception>
    public static int DefaultHeadDim(ModelFamily family, int hiddenSize, int heads, string source)
    {
        string hiddenKey = Key(family, "hidden_size"), headsKey = Key(family, "num_attention_heads");
        RequirePositive(hiddenSize, hiddenKey, source);
        RequirePositive(heads, headsKey, source);
        if (hiddenSize % heads == 0)
            return hiddenSize / heads;

        int below = hiddenSize / heads * heads, above = below + heads;
        string nearest = below > 0 ? $"{below} or {above}" : $"{above}";
        string headDim = family == ModelFamily.Gpt2 ? "" : ", or a head_dim of its own";
        throw Error(source, $"{hiddenKey} is {hiddenSize}, which {headsKey} {heads} does not divide; {nearest} would fit{headDim}");
    }

    /// <summary>The key as the family's <c>config.json</c> spells it.</summary>
    public static string Key(ModelFamily family, string name) => family != ModelFamily.Gpt2 ? name : name switch
    {
        "hidden_size" => "n_embd",
        "intermediate_size" => "n_inner",
        "num_hidden_layers" => "n_layer",
        "num_attention_heads" => "n_head",
        "max_position_embeddings" => "n_positions",
        "rms_norm_eps" => "layer_norm_epsilon",
        "hidden_act" => "activation_function",
        _ => name,
    };

    static void CheckSizes(TransformerSpec spec, string source)
    {
        ReadOnlySpan<(string Name, int Value)> sizes =
        [
            ("hidden_size", spec.HiddenSize),
            ("intermediate_size", spec.IntermediateSize),
            ("num_hidden_layers", spec.NumHiddenLayers),
            ("num_attention_heads", spec.NumAttentionHeads),
            ("num_key_value_heads", spec.NumKeyValueHeads),
            ("head_dim", spec.HeadDim),
            ("vocab_size", spec.VocabSize),
            ("max_position_embeddings", spec.MaxPositionEmbeddings),
        ];
        foreach (var (name, value) in sizes)
            RequirePositive(value, Key(spec.Family, name), source);

        // A tensor is addressed by 32-bit indices.
        ReadOnlySpan<(string Name, long Value)> rows =
        [
            ("vocab_size", spec.VocabSize),
            ("intermediate_size", spec.IntermediateSize),
            ("num_attention_heads × head_dim", (long)spec.NumAttentionHeads * spec.HeadDim * (spec.Family == ModelFamily.Gpt2 ? 3 : 1)),
            ("max_position_embeddings", spec.Family == ModelFamily.Gpt2 ? spec.MaxPositionEmbeddings : 1),
        ];
        foreach (var (name, value) in rows)
            if (value > int.MaxValue / spec.HiddenSize)
                throw Error(source, $"{Key(spec.Family, name)} {value} × {Key(spec.Family, "hidden_size")} {spec.HiddenSize} is more than one tensor can hold, which is {int.MaxValue} elements");
    }

    static void CheckHeads(TransformerSpec spec, string source)
    {
        if (spec.NumAttentionHeads % spec.NumKeyValueHeads != 0)
        {
            int heads = spec.NumAttentionHeads;
            string divisors = string.Join(", ", Enumerable.Range(1, heads).Where(kv => heads % kv == 0));
            throw Error(source, $"num_key_value_heads is {spec.NumKeyValueHeads}, which does not divide num_attention_heads {heads}; one of {divisors} would");
        }
        if (spec.Family != ModelFamily.Gpt2 && spec.HeadDim % 2 != 0)
            throw Error(source, $"head_dim is {spec.HeadDim}; rotary positions turn pairs of elements, so it has to be even");
    }

    static void CheckNumbers(TransformerSpec spec, string source)
    {
        RequirePositive(spec.NormEpsilon, Key(spec.Family, "rms_norm_eps"), source);
        RequirePositive(spec.RopeTheta, "rope_theta", source);
        if (!(spec.InitializerRange >= 0) || double.IsInfinity(spec.InitializerRange))
            throw Error(source, $"initializer_range is {spec.InitializerRange}; a standard deviation of 0 or more is expected, such as 0.02");
        if (spec.SlidingWindow < 0)
            throw Error(source, $"sliding_window is {spec.SlidingWindow}; a number of tokens is expected, or null for none");
        if (!Enum.IsDefined(spec.Activation))
            throw Error(source, $"{Key(spec.Family, "hidden_act")} is {spec.Activation}; expected one of {string.Join(", ", Enum.GetNames<ActivationKind>())}");
    }

    static void CheckRopeScaling(Llama3RopeScaling scaling, string source)
    {
        RequirePositive(scaling.Factor, "rope_scaling.factor", source);
        RequirePositive(scaling.LowFrequencyFactor, "rope_scaling.low_freq_factor", source);
        RequirePositive(scaling.HighFrequencyFactor, "rope_scaling.high_freq_factor", source);
        RequirePositive(scaling.OriginalMaxPositions, "rope_scaling.original_max_position_embeddings", source);
        if (scaling.HighFrequencyFactor <= scaling.LowFrequencyFactor)
            throw Error(source, $"rope_scaling.high_freq_factor is {scaling.HighFrequencyFactor}; it has to be above low_freq_factor {scaling.LowFrequencyFactor}");
    }

    /// <summary>What the family's <c>config.json</c> cannot say would be lost in the first checkpoint, so it is refused before training.</summary>
    static void CheckFamily(TransformerSpec spec, string source)
    {
        void Require(bool holds, string key, object value, string rule)
        {
            if (!holds)
                throw Error(source, $"{key} is {value}, but a model of type {spec.Family.ModelType()} {rule}");
        }

        bool gpt2 = spec.Family == ModelFamily.Gpt2;
        Require(spec.SlidingWindow == 0 || spec.Family is ModelFamily.Mistral or ModelFamily.Qwen2 or ModelFamily.Qwen3,
            "sliding_window", spec.SlidingWindow, "attends to all earlier tokens; model_type mistral has a window");
        Require(spec.QkNorm == (spec.Family == ModelFamily.Qwen3), "the norm over Q and K", spec.QkNorm ? "given" : "missing",
            spec.QkNorm ? "has none; model_type qwen3 has" : "always has one");
        Require(!spec.MlpBias || gpt2 || spec.Family == ModelFamily.Llama, "mlp_bias", spec.MlpBias, "has none; model_type llama can have them");

        switch (spec.Family)
        {
            case ModelFamily.Llama or ModelFamily.Qwen3:
                Require(spec.QkvBias == spec.OutputBias, "attention_bias", $"{spec.QkvBias} for Q, K, V and {spec.OutputBias} for the output",
                    "has biases on all four or on none");
                break;
            case ModelFamily.Mistral:
                Require(!spec.QkvBias && !spec.OutputBias, "attention_bias", true, "has none; model_type llama can have them");
                break;
            case ModelFamily.Qwen2:
                Require(spec.QkvBias && !spec.OutputBias, "attention_bias", $"{spec.QkvBias} for Q, K, V and {spec.OutputBias} for the output",
                    "has biases on Q, K, V and none on the output");
                break;
            case ModelFamily.Gpt2:
                Require(spec.QkvBias && spec.OutputBias && spec.MlpBias, "a bias", "missing", "has biases on every linear layer");
                Require(spec.NumKeyValueHeads == spec.NumAttentionHeads, "num_key_value_heads", spec.NumKeyValueHeads,
                    $"has as many as n_head, {spec.NumAttentionHeads}");
                DefaultHeadDim(spec.Family, spec.HiddenSize, spec.NumAttentionHeads, source);
                Require(spec.HeadDim * spec.NumAttentionHeads == spec.HiddenSize, "head_dim", spec.HeadDim,
                    $"has n_embd / n_head, {spec.HiddenSize / spec.NumAttentionHeads}");
                Require(spec.RopeScaling == null && spec.RopeTheta == 10000, "rope_theta or rope_scaling", "given", "has learned positions");
                break;
        }
    }

    static void RequirePositive(int value, string key, string source)
    {
        if (value <= 0)
            throw Error(source, $"{key} is {value}; a whole number of 1 or more is expected");
    }

    static void RequirePositive(double value, string key, string source)
    {
        if (!(value > 0) || double.IsInfinity(value))
            throw Error(source, $"{key} is {value}; a number above 0 is expected");
    }

    static UserErrorException Error(string source, string message) => new($"{source}: {message}.");
}
