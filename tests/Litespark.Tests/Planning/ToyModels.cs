using Litespark.Data;
using Litespark.Graphs;
using Litespark.Models;

namespace Litespark.Tests.Planning;

/// <summary>Small models of every family and small batches for whole-step tests.</summary>
static class ToyModels
{
    public static readonly TheoryData<string> Names = ["llama", "llama-tied-gqa", "llama3", "llama-biased", "mistral", "qwen2", "qwen3", "gpt2"];

    static readonly TransformerSpec Llama = new()
    {
        HiddenSize = 24, IntermediateSize = 40, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 4, HeadDim = 6, VocabSize = 37,
        MaxPositionEmbeddings = 64, InitializerRange = 0.3,
    };

    public static TransformerSpec Spec(string name) => name switch
    {
        "llama" => Llama,
        "llama-tied-gqa" => Llama with { NumKeyValueHeads = 2, TieWordEmbeddings = true },
        "llama3" => Llama with { NumKeyValueHeads = 2, RopeTheta = 500000, RopeScaling = new Llama3RopeScaling(8, 1, 4, 16) },
        "llama-biased" => Llama with { QkvBias = true, OutputBias = true, MlpBias = true },
        "mistral" => Llama with { Family = ModelFamily.Mistral, NumKeyValueHeads = 2, SlidingWindow = 5 },
        "qwen2" => Llama with { Family = ModelFamily.Qwen2, NumKeyValueHeads = 2, QkvBias = true, TieWordEmbeddings = true },
        "qwen3" => Llama with { Family = ModelFamily.Qwen3, NumKeyValueHeads = 2, HeadDim = 10, QkNorm = true },
        "gpt2" => Llama with
        {
            Family = ModelFamily.Gpt2, IntermediateSize = 96, QkvBias = true, OutputBias = true, MlpBias = true, TieWordEmbeddings = true,
            Activation = ActivationKind.GeluTanh,
        },
        _ => throw new ArgumentException(name),
    };

    /// <summary>Random tokens with several documents in a row and some ignored targets.</summary>
    public static MicroBatch Batch(int rows, int length, int vocabulary, int seed)
    {
        var random = new Random(seed);
        var batch = new MicroBatch(rows, length);
        for (int row = 0; row < rows; row++)
        {
            int start = 0;
            for (int t = 0; t < length; t++)
            {
                int i = row * length + t;
                if (t > 0 && random.Next(7) == 0) start = t;
                batch.Tokens[i] = random.Next(vocabulary);
                batch.Targets[i] = random.Next(6) == 0 ? MicroBatch.IgnoredTarget : random.Next(vocabulary);
                batch.DocumentStarts[i] = start;
                batch.Positions[i] = t - start;
            }
        }

        return batch;
    }
}
