using Litespark.Planning;

namespace Litespark.Models;

/// <summary>A model's parameters with Hugging Face's names and shapes, and what follows from them: counts and FLOPs.</summary>
public static class ParameterCatalog
{
    /// <summary>Every tensor of the model, in the order of Hugging Face's state dictionary. A tied head has none of its own.</summary>
    public static IReadOnlyList<TensorInfo> Tensors(TransformerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ParameterNames names = ParameterNames.For(spec.Family);
        bool gpt2 = spec.Family == ModelFamily.Gpt2;
        var tensors = new List<TensorInfo> { new(names.TokenEmbedding.Weight, [spec.VocabSize, spec.HiddenSize]) };
        if (gpt2)
            tensors.Add(new(names.PositionEmbedding.Weight, [spec.MaxPositionEmbeddings, spec.HiddenSize]));
        for (int layer = 0; layer < spec.NumHiddenLayers; layer++)
        {
            if (gpt2)
                AddGpt2Layer(tensors, spec, names.Layer(layer));
            else
                AddLlamaLikeLayer(tensors, spec, names.Layer(layer));
        }
        AddNorm(tensors, names.FinalNorm, spec.HiddenSize, bias: gpt2);
        if (!spec.TieWordEmbeddings)
            tensors.Add(new(names.OutputHead.Weight, [spec.VocabSize, spec.HiddenSize]));
        return tensors;
    }

    /// <summary>All parameters; tied ones count once.</summary>
    public static long TotalParameters(TransformerSpec spec) => Tensors(spec).Sum(tensor => tensor.Length);

    /// <summary>Parameters without the token table, the learned positions and an untied head.</summary>
    public static long NonEmbeddingParameters(TransformerSpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ParameterNames names = ParameterNames.For(spec.Family);
        return Tensors(spec)
            .Where(tensor => tensor.Name != names.TokenEmbedding.Weight && tensor.Name != names.PositionEmbedding.Weight && tensor.Name != names.OutputHead.Weight)
            .Sum(tensor => tensor.Length);
    }

    /// <summary>
    /// Model FLOPs of training on one token, forward and backward, for MFU:
    /// 6·(N_non-embedding + V·D) + 12·L·H·K·T, with L layers of H heads of size K, sequences of T tokens, the head of V·D counted
    /// once whether tied or not, positions not counted, attention over all T keys without regard to the causal mask.
    /// </summary>
    /// <remarks>
    /// The formula that reproduces the throughput tables of the Litespark technical report (arXiv 2510.02483: 16.160 GFLOP per token
    /// for "3B", 213.52 for "30B", T = 4096); its attention term is that of PaLM, appendix B (arXiv 2204.02311).
    /// </remarks>
    public static long FlopsPerToken(TransformerSpec spec, int sequenceLength)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sequenceLength);
        long weights = NonEmbeddingParameters(spec) + (long)spec.VocabSize * spec.HiddenSize;
        long attention = (long)spec.NumHiddenLayers * spec.NumAttentionHeads * spec.HeadDim * sequenceLength;
        return 6 * weights + 12 * attention;
    }

    static void AddLlamaLikeLayer(List<TensorInfo> tensors, TransformerSpec spec, LayerParameterNames names)
    {
        int hidden = spec.HiddenSize, inner = spec.IntermediateSize;
        int queries = spec.NumAttentionHeads * spec.HeadDim, keys = spec.NumKeyValueHeads * spec.HeadDim;
        AddLinear(tensors, names.Query, queries, hidden, spec.QkvBias);
        AddLinear(tensors, names.Key, keys, hidden, spec.QkvBias);
        AddLinear(tensors, names.Value, keys, hidden, spec.QkvBias);
        AddLinear(tensors, names.AttentionOutput, hidden, queries, spec.OutputBias);
        if (spec.QkNorm)
        {
            AddNorm(tensors, names.QueryNorm, spec.HeadDim, bias: false);
            AddNorm(tensors, names.KeyNorm, spec.HeadDim, bias: false);
        }
        AddLinear(tensors, names.Gate, inner, hidden, spec.MlpBias);
        AddLinear(tensors, names.Up, inner, hidden, spec.MlpBias);
        AddLinear(tensors, names.Down, hidden, inner, spec.MlpBias);
        AddNorm(tensors, names.AttentionNorm, hidden, bias: false);
        AddNorm(tensors, names.MlpNorm, hidden, bias: false);
    }

    static void AddGpt2Layer(List<TensorInfo> tensors, TransformerSpec spec, LayerParameterNames names)
    {
        int hidden = spec.HiddenSize, inner = spec.IntermediateSize;
        AddNorm(tensors, names.AttentionNorm, hidden, bias: true);
        AddInputFirst(tensors, names.FusedQkv, hidden, 3 * hidden);
        AddInputFirst(tensors, names.AttentionOutput, hidden, hidden);
        AddNorm(tensors, names.MlpNorm, hidden, bias: true);
        AddInputFirst(tensors, names.Up, hidden, inner);
        AddInputFirst(tensors, names.Down, inner, hidden);
    }

    static void AddLinear(List<TensorInfo> tensors, ModuleName name, int outputs, int inputs, bool bias)
    {
        tensors.Add(new(name.Weight, [outputs, inputs]));
        if (bias)
            tensors.Add(new(name.Bias, [outputs]));
    }

    /// <summary>GPT-2's <c>Conv1D</c>: the weight is stored [inputs, outputs].</summary>
    static void AddInputFirst(List<TensorInfo> tensors, ModuleName name, int inputs, int outputs)
    {
        tensors.Add(new(name.Weight, [inputs, outputs]));
        tensors.Add(new(name.Bias, [outputs]));
    }

    static void AddNorm(List<TensorInfo> tensors, ModuleName name, int size, bool bias)
    {
        tensors.Add(new(name.Weight, [size]));
        if (bias)
            tensors.Add(new(name.Bias, [size]));
    }
}
