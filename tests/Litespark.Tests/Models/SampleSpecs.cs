using Litespark.Graphs;
using Litespark.Models;

namespace Litespark.Tests.Models;

/// <summary>Every preset, and every feature that a family's configuration can say.</summary>
static class SampleSpecs
{
    public static TransformerSpec TinyLlama { get; } = new()
    {
        HiddenSize = 12, IntermediateSize = 20, NumHiddenLayers = 2, NumAttentionHeads = 3, NumKeyValueHeads = 1, HeadDim = 4, VocabSize = 17,
        MaxPositionEmbeddings = 31,
    };

    public static TransformerSpec TinyGpt2 { get; } = new()
    {
        Family = ModelFamily.Gpt2, HiddenSize = 12, IntermediateSize = 40, NumHiddenLayers = 2, NumAttentionHeads = 3, NumKeyValueHeads = 3, HeadDim = 4,
        VocabSize = 17, MaxPositionEmbeddings = 9, TieWordEmbeddings = true, QkvBias = true, OutputBias = true, MlpBias = true, Activation = ActivationKind.GeluTanh,
    };

    public static Dictionary<string, TransformerSpec> All { get; } = new(ModelPresets.All.ToDictionary(preset => preset.Name, preset => preset.Spec))
    {
        ["tiny llama"] = TinyLlama,
        ["tied llama"] = TinyLlama with { TieWordEmbeddings = true },
        ["llama with biases"] = TinyLlama with { QkvBias = true, OutputBias = true, MlpBias = true, NormEpsilon = 3e-7, InitializerRange = 0.1 / 3 },
        ["llama with another head size"] = TinyLlama with { HeadDim = 10, Activation = ActivationKind.GeluTanh },
        ["llama with rope scaling"] = TinyLlama with { RopeTheta = 123456.75, RopeScaling = new Llama3RopeScaling(8, 1.5, 4.25, 100) },
        ["mistral"] = TinyLlama with { Family = ModelFamily.Mistral },
        ["mistral with a window"] = TinyLlama with { Family = ModelFamily.Mistral, SlidingWindow = 7, Activation = ActivationKind.Relu },
        ["qwen 2"] = TinyLlama with { Family = ModelFamily.Qwen2, QkvBias = true },
        ["qwen 2 with a window"] = TinyLlama with { Family = ModelFamily.Qwen2, QkvBias = true, SlidingWindow = 5, Activation = ActivationKind.Gelu },
        ["qwen 3"] = TinyLlama with { Family = ModelFamily.Qwen3, QkNorm = true, HeadDim = 6, TieWordEmbeddings = true },
        ["qwen 3 with biases"] = TinyLlama with { Family = ModelFamily.Qwen3, QkNorm = true, QkvBias = true, OutputBias = true, SlidingWindow = 5 },
        ["gpt-2"] = TinyGpt2,
        ["untied gpt-2"] = TinyGpt2 with { TieWordEmbeddings = false, Activation = ActivationKind.Gelu, NormEpsilon = 1e-6 },
    };
}
