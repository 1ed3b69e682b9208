using Litespark.Graphs;

namespace Litespark.Models;

/// <summary>An architecture with a name.</summary>
public sealed record ModelPreset(string Name, string Description, TransformerSpec Spec);

/// <summary>The architectures that a recipe names by <c>model.preset</c>.</summary>
public static class ModelPresets
{
    static readonly Llama3RopeScaling s_llama32Rope = new(Factor: 32, LowFrequencyFactor: 1, HighFrequencyFactor: 4, OriginalMaxPositions: 8192);

    /// <summary>All presets, from small to large within each family.</summary>
    public static IReadOnlyList<ModelPreset> All { get; } =
    [
        new("llama-1m", "1.1 M parameters, half of them the tied embedding: learns within a minute; for tests and first tries",
            Llama(hidden: 128, layers: 3, heads: 4, inner: 320, vocab: 4096) with { TieWordEmbeddings = true }),
        new("llama-15m", "7.2 M parameters with its vocabulary of 4,096 (15 M with 32,000), tied; the default on a CPU",
            Llama(hidden: 288, layers: 6, heads: 6, inner: 768, vocab: 4096) with { TieWordEmbeddings = true }),
        new("llama-110m", "110 M parameters, tied",
            Llama(hidden: 768, layers: 12, heads: 12, inner: 2048, vocab: 32000) with { TieWordEmbeddings = true }),
        new("gpt2-124m", "OpenAI's smallest GPT-2", Gpt2(hidden: 768, layers: 12, heads: 12, positions: 1024)),
        new("gpt3-xl", "GPT-3 XL, 1.3 B parameters, as GPT-2 with 16 heads of 128 (the GPT-3 paper's table prints 24 heads of 128, which a width of 2,048 cannot hold)",
            Gpt2(hidden: 2048, layers: 24, heads: 16, positions: 2048)),
        new("llama-3.2-1b", "Meta's Llama 3.2 1B, tied",
            Llama(hidden: 2048, layers: 16, heads: 32, inner: 8192, vocab: 128256) with
            {
                NumKeyValueHeads = 8, TieWordEmbeddings = true, MaxPositionEmbeddings = 131072, RopeTheta = 500000, RopeScaling = s_llama32Rope,
            }),
        new("llama-3.2-3b", "Meta's Llama 3.2 3B, tied",
            Llama(hidden: 3072, layers: 28, heads: 24, inner: 8192, vocab: 128256) with
            {
                NumKeyValueHeads = 8, TieWordEmbeddings = true, MaxPositionEmbeddings = 131072, RopeTheta = 500000, RopeScaling = s_llama32Rope,
            }),
        new("litespark-3b", "The Litespark report's \"3B\" (2.16 B without embeddings), table 1, for sequences of 4,096",
            Llama(hidden: 2048, layers: 28, heads: 16, inner: 11008, vocab: 32000) with { NumKeyValueHeads = 2, MaxPositionEmbeddings = 4096 }),
        new("litespark-30b", "The Litespark report's \"30B\" (32.1 B without embeddings), table 1, for sequences of 4,096",
            Llama(hidden: 6656, layers: 60, heads: 64, inner: 17920, vocab: 32000) with { MaxPositionEmbeddings = 4096 }),
    ];

    /// <summary>The architecture of a name.</summary>
    /// <exception cref="UserErrorException">There is no such preset: the nearest name and all names.</exception>
    public static TransformerSpec Get(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        foreach (ModelPreset preset in All)
            if (preset.Name == name)
                return preset.Spec;

        string[] names = [.. All.Select(preset => preset.Name)];
        string suggestion = NearestName.Of(name, names) is { } nearest ? $" Did you mean \"{nearest}\"?" : "";
        throw new UserErrorException($"model.preset: there is no preset \"{name}\".{suggestion} Presets are {string.Join(", ", names)}.");
    }

    static TransformerSpec Llama(int hidden, int layers, int heads, int inner, int vocab) => new()
    {
        HiddenSize = hidden,
        IntermediateSize = inner,
        NumHiddenLayers = layers,
        NumAttentionHeads = heads,
        NumKeyValueHeads = heads,
        HeadDim = hidden / heads,
        VocabSize = vocab,
    };

    static TransformerSpec Gpt2(int hidden, int layers, int heads, int positions) => new()
    {
        Family = ModelFamily.Gpt2,
        HiddenSize = hidden,
        IntermediateSize = 4 * hidden,
        NumHiddenLayers = layers,
        NumAttentionHeads = heads,
        NumKeyValueHeads = heads,
        HeadDim = hidden / heads,
        VocabSize = 50257,
        MaxPositionEmbeddings = positions,
        TieWordEmbeddings = true,
        QkvBias = true,
        OutputBias = true,
        MlpBias = true,
        Activation = ActivationKind.GeluTanh,
    };
}
