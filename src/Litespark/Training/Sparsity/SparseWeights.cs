using Litespark.Models;
using Litespark.Planning;
using Litespark.Recipes;

namespace Litespark.Training.Sparsity;

/// <summary>The weights of a model that sparse training covers.</summary>
public static class SparseWeights
{
    /// <summary>
    /// The matrices of all layers, the head where <see cref="SparsitySection.Head"/> says so (tied: the token table), the token table where
    /// <see cref="SparsitySection.Embedding"/> does. Never norms, biases and learned positions.
    /// </summary>
    /// <param name="spec">The architecture.</param>
    /// <param name="section">Which of them.</param>
    /// <param name="blockRows">Rows of a block, 1 or more.</param>
    /// <param name="blockColumns">Columns of a block, 1 or more.</param>
    public static IReadOnlyList<SparseWeight> Of(TransformerSpec spec, SparsitySection section, int blockRows, int blockColumns)
    {
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(section);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blockRows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blockColumns);
        ParameterNames names = ParameterNames.For(spec.Family);
        var weights = new List<SparseWeight>();
        foreach (TensorInfo tensor in ParameterCatalog.Tensors(spec))
        {
            bool isTable = tensor.Name == names.TokenEmbedding.Weight, isHead = tensor.Name == names.OutputHead.Weight || (isTable && spec.TieWordEmbeddings);
            bool isCovered = isTable || isHead ? (isTable && section.Embedding) || (isHead && section.Head) : tensor.Name != names.PositionEmbedding.Weight;
            if (tensor.Shape.Count != 2 || !isCovered) continue;
            // GPT-2's layers are stored input-first, its table is not.
            bool inputsFirst = spec.Family == ModelFamily.Gpt2 && !isTable && !isHead;
            weights.Add(new SparseWeight(tensor.Name, checked((int)tensor.Shape[0]), checked((int)tensor.Shape[1]), blockRows, blockColumns, inputsFirst));
        }
        return weights;
    }
}
