using System.Text.Json.Nodes;
using Litespark.Models;
using Litespark.Planning;

namespace Litespark.Checkpoints;

/// <summary>What of a model folder besides its weights is written.</summary>
public sealed record HuggingFaceSaveOptions
{
    /// <summary>How the weights are stored.</summary>
    public WeightDtype Dtype { get; init; } = WeightDtype.Float32;

    /// <summary>Token that opens a text; null = none.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Tokens that end a text, as a chat model has several; empty = none.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Writes the tokenizer's files into the folder it is given.</summary>
    public Action<string>? WriteTokenizer { get; init; }
}

/// <summary>
/// A model folder as <c>transformers</c> reads and writes it: <c>config.json</c>, <c>model.safetensors</c> (or shards with an index),
/// <c>generation_config.json</c>, a tokenizer.
/// </summary>
public static class HuggingFaceFolder
{
    const string GenerationConfigFileName = "generation_config.json";

    /// <summary>The folder's architecture.</summary>
    /// <exception cref="UserErrorException">There is no <c>config.json</c>, or it is not supported.</exception>
    public static TransformerSpec ReadSpec(string folder) => HuggingFaceConfig.Read(Path.Combine(folder, HuggingFaceConfig.FileName));

    /// <summary>The tokens that end a text, of <c>generation_config.json</c> or else <c>config.json</c>; empty if neither names one.</summary>
    /// <exception cref="UserErrorException">A file is damaged, or <c>eos_token_id</c> is neither a whole number nor a list of them.</exception>
    public static IReadOnlyList<int> ReadEosTokenIds(string folder)
    {
        foreach (string name in (ReadOnlySpan<string>)[GenerationConfigFileName, HuggingFaceConfig.FileName])
        {
            string path = Path.Combine(folder, name);
            if (!File.Exists(path) || JsonFile.Read(path)["eos_token_id"] is not { } ids)
                continue;
            JsonNode?[] list = ids is JsonArray array ? [.. array] : [ids];
            if (!list.All(id => id is JsonValue value && value.TryGetValue(out int _)))
                throw new UserErrorException($"{path}: eos_token_id is {ids.ToJsonString()}; a token or a list of tokens is expected.");
            return [.. list.Select(id => id!.GetValue<int>())];
        }
        return [];
    }

    /// <summary>
    /// Fills <paramref name="store"/> with the folder's weights, one tensor in memory at a time. Tolerated: names without the model's
    /// prefix (<c>model.</c>, <c>transformer.</c>), a stored head although it is tied, a tied table stored as the head only, and buffers
    /// that older versions saved (<c>rotary_emb.inv_freq</c>, GPT-2's <c>attn.bias</c> and <c>attn.masked_bias</c>).
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="spec">The architecture that <paramref name="store"/> was made for.</param>
    /// <param name="store">Tensors under canonical names.</param>
    /// <exception cref="UserErrorException">
    /// A file is missing or damaged, or a tensor is missing, unknown or of another shape: all are named, with the shape found and the shape wanted;
    /// nothing has been written to the store.
    /// </exception>
    public static void LoadWeights(string folder, TransformerSpec spec, ITensorStore store)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(store);
        ParameterNames names = ParameterNames.For(spec.Family);
        using SafetensorsFolder source = SafetensorsFolder.Open(folder);
        TensorStoreLoader.Load(source, store, Aliases, IsIgnorable, folder);

        IEnumerable<string> Aliases(string name)
        {
            if (name.StartsWith(names.ModelPrefix, StringComparison.Ordinal))
                yield return name[names.ModelPrefix.Length..];
            if (spec.TieWordEmbeddings && name == names.TokenEmbedding.Weight)
                yield return names.OutputHead.Weight;
        }

        bool IsIgnorable(string name) =>
            name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal)
            || (spec.TieWordEmbeddings && name == names.OutputHead.Weight)
            || (spec.Family == ModelFamily.Gpt2
                && (name.EndsWith(".attn.bias", StringComparison.Ordinal) || name.EndsWith(".attn.masked_bias", StringComparison.Ordinal)));
    }

    /// <summary>Writes a model folder; files of the same names are replaced.</summary>
    /// <param name="folder">Made if it does not exist.</param>
    /// <param name="spec">The architecture.</param>
    /// <param name="weights">Tensors under canonical names; written in their order.</param>
    /// <param name="options">Storage type, special tokens, tokenizer.</param>
    public static void Save(string folder, TransformerSpec spec, ITensorStore weights, HuggingFaceSaveOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(weights);
        options ??= new HuggingFaceSaveOptions();
        JsonObject config = HuggingFaceConfig.ToJson(spec, options.BosTokenId);
        config["eos_token_id"] = EosNode(options.EosTokenIds);
        if (options.Dtype == WeightDtype.BFloat16)
            config["torch_dtype"] = "bfloat16";

        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(Path.Combine(folder, SafetensorsFolder.SingleFileName), weights, options.Dtype);
        JsonFile.Write(Path.Combine(folder, HuggingFaceConfig.FileName), config);
        JsonFile.Write(Path.Combine(folder, GenerationConfigFileName),
            new JsonObject { ["bos_token_id"] = options.BosTokenId, ["eos_token_id"] = EosNode(options.EosTokenIds) });
        options.WriteTokenizer?.Invoke(folder);
    }

    /// <summary>As <c>transformers</c> writes it: null, a number, or a list where there are several.</summary>
    static JsonNode? EosNode(IReadOnlyList<int> ids) => ids.Count switch
    {
        0 => null,
        1 => JsonValue.Create(ids[0]),
        _ => new JsonArray([.. ids.Select(id => JsonValue.Create(id))]),
    };
}
