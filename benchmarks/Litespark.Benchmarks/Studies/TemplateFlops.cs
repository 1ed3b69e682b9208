using Litespark.Models;
using Litespark.Recipes;
using Litespark.Training.Sparsity;

namespace Litespark.Benchmarks.Studies;

/// <summary>
/// Training FLOPs of a token by a template, whatever the kernels really execute: F = 6·Σ(1 − s_l)·n_l + 12·L·H·K·T·ρ, over the layers' matrices of n_l
/// weights with sparsity s_l, L layers of H heads of size K, sequences of T tokens, and ρ the share of attention's pairs that are computed. Attention
/// counts all T keys without regard to the causal mask, as MFU does, so that ρ is a share of either. The head of V·D weights is counted by itself.
/// <para>A step whose weight gradients are dense, so that masks can grow by them, does 2·n for those instead of 2·n·(1 − s).</para>
/// </summary>
internal sealed class TemplateFlops
{
    readonly Dictionary<string, long> layers;
    readonly string? sparseHead;
    readonly double headWeights, attention;

    /// <param name="spec">The architecture.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="section">Says whether the head is sparse.</param>
    public TemplateFlops(TransformerSpec spec, int sequenceLength, SparsitySection section)
    {
        layers = SparseWeights.Of(spec, new SparsitySection(), 1, 1).ToDictionary(weight => weight.Name, weight => weight.Elements);
        if (section is { Head: true, Method: not SparsityMethod.None })
        {
            ParameterNames names = ParameterNames.For(spec.Family);
            sparseHead = (spec.TieWordEmbeddings ? names.TokenEmbedding : names.OutputHead).Weight;
        }

        headWeights = (double)spec.VocabSize * spec.HiddenSize;
        attention = 12.0 * spec.NumHiddenLayers * spec.NumAttentionHeads * spec.HeadDim * sequenceLength;
    }

    /// <summary>Names of the matrices that are counted, with the head where it is sparse.</summary>
    public IReadOnlyDictionary<string, double> Weights
    {
        get
        {
            Dictionary<string, double> weights = layers.ToDictionary(layer => layer.Key, layer => (double)layer.Value);
            if (sparseHead is not null) weights[sparseHead] = headWeights;
            return weights;
        }
    }

    /// <summary>A token of a dense step.</summary>
    public TokenFlops Dense => Of(_ => 1, denseGradients: false, attentionShare: 1);

    /// <summary>A token of a step.</summary>
    /// <param name="density">1 − s of a matrix, by its canonical name.</param>
    /// <param name="denseGradients">Whether weight gradients are computed for dead blocks too.</param>
    /// <param name="attentionShare">ρ.</param>
    public TokenFlops Of(Func<string, double> density, bool denseGradients, double attentionShare)
    {
        double products = layers.Sum(layer => Product(layer.Value, density(layer.Key)));
        return new TokenFlops(products + attention * attentionShare, sparseHead is null ? 6 * headWeights : Product(headWeights, density(sparseHead)));

        double Product(double weights, double live) => weights * (denseGradients ? 4 * live + 2 : 6 * live);
    }
}

/// <summary>FLOPs by the template.</summary>
/// <param name="Layers">All but the head.</param>
/// <param name="Head">The head.</param>
internal readonly record struct TokenFlops(double Layers, double Head)
{
    /// <summary>With the head.</summary>
    public double Whole => Layers + Head;

    public static TokenFlops operator +(TokenFlops a, TokenFlops b) => new(a.Layers + b.Layers, a.Head + b.Head);
    public static TokenFlops operator *(TokenFlops a, double factor) => new(a.Layers * factor, a.Head * factor);
}
