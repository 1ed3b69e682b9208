using System.Text.Json.Nodes;

namespace Litespark.Models;

/// <summary>
/// Hugging Face's <c>config.json</c> ⇄ <see cref="TransformerSpec"/>. Writing and reading back gives an equal specification.
/// </summary>
public static class HuggingFaceConfig
{
    /// <summary>Name of the file in a model folder.</summary>
    public const string FileName = "config.json";

    /// <summary>Reads a <c>config.json</c>.</summary>
    /// <exception cref="UserErrorException">
    /// The file is missing or not JSON, the model type or one of its features is not supported, or the shape is impossible.
    /// </exception>
    public static TransformerSpec Read(string path) => FromJson(JsonFile.Read(path), path);

    /// <summary>
    /// Reads a configuration. Keys that are absent have the default that <c>transformers</c> gives them for the same
    /// <c>model_type</c>; keys that don't change the architecture are ignored. GPT-2 takes its own names (<c>n_embd</c> …) and the common ones.
    /// </summary>
    /// <param name="config">The object, with a <c>model_type</c>.</param>
    /// <param name="source">Where it comes from; opens the message of an error.</param>
    /// <exception cref="UserErrorException">The model type or one of its features is not supported, a value has the wrong type, or the shape is impossible.</exception>
    public static TransformerSpec FromJson(JsonObject config, string source)
    {
        ArgumentNullException.ThrowIfNull(config);
        TransformerSpec spec = HuggingFaceConfigReader.Read(new ConfigValues(config, source));
        spec.Validate(source);
        return spec;
    }

    /// <summary>The configuration as <c>transformers</c> loads it.</summary>
    /// <param name="spec">The architecture.</param>
    /// <param name="bosTokenId">Token that opens a text; null = none.</param>
    /// <param name="eosTokenId">Token that ends a text; null = none.</param>
    /// <exception cref="UserErrorException">The family has no key for a part of the specification.</exception>
    public static JsonObject ToJson(TransformerSpec spec, int? bosTokenId = null, int? eosTokenId = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        spec.Validate(FileName);
        return HuggingFaceConfigWriter.Write(spec, bosTokenId, eosTokenId);
    }

    /// <summary>
    /// An architecture with some keys of <c>config.json</c> replaced, as a recipe does with a preset. Sizes that followed from a replaced one
    /// follow it again: the head size from width and heads, key and value heads from heads where they were as many, GPT-2's MLP from its width.
    /// </summary>
    /// <param name="spec">The architecture to start from.</param>
    /// <param name="overrides">Keys and values; a GPT-2 takes its own names and the common ones.</param>
    /// <param name="source">Where the keys come from; opens the message of an error.</param>
    /// <exception cref="UserErrorException">A value has the wrong type, another model type is asked for, or the shape is impossible.</exception>
    public static TransformerSpec Override(TransformerSpec spec, JsonObject overrides, string source)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(overrides);
        JsonObject config = ToJson(spec);
        foreach (var (name, value) in overrides)
            config[TransformerSpecValidator.Key(spec.Family, name)] = value?.DeepClone();
        if (new ConfigValues(config, source).OptionalString("model_type") != spec.Family.ModelType())
            throw new UserErrorException($"{source}: model_type cannot be replaced: the rest describes a {spec.Family.ModelType()}.");

        bool Given(string name) => overrides.ContainsKey(name) || overrides.ContainsKey(TransformerSpecValidator.Key(spec.Family, name));

        bool width = Given("hidden_size"), heads = Given("num_attention_heads");
        // Qwen 3's head size never follows from others.
        if ((width || heads) && !Given("head_dim") && spec.Family != ModelFamily.Qwen3 && spec.HeadDim * spec.NumAttentionHeads == spec.HiddenSize)
            config.Remove("head_dim");
        if (heads && !Given("num_key_value_heads") && spec.NumKeyValueHeads == spec.NumAttentionHeads)
            config["num_key_value_heads"] = null;
        if (width && !Given("intermediate_size") && spec.Family == ModelFamily.Gpt2 && spec.IntermediateSize == 4 * spec.HiddenSize)
            config["n_inner"] = null;
        return FromJson(config, source);
    }
}
