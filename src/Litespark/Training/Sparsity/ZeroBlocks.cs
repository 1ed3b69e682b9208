using Litespark.Models;
using Litespark.Planning;

namespace Litespark.Training.Sparsity;

/// <summary>Takes a model's weights one by one and keeps of each which of its blocks hold anything but zeros.</summary>
internal sealed class ZeroBlocks(TransformerSpec spec, IReadOnlyList<SparseWeight> covered) : ITensorStore
{
    readonly Dictionary<string, SparseWeight> byName = covered.ToDictionary(weight => weight.Name);

    /// <summary>The masks of the weights that came, by name.</summary>
    public Dictionary<string, BlockMask> Masks { get; } = [];

    public IReadOnlyList<TensorInfo> Tensors { get; } = ParameterCatalog.Tensors(spec);

    public void Read(string name, Span<float> destination) => throw new NotSupportedException("Weights are not kept.");

    public void Write(string name, ReadOnlySpan<float> source)
    {
        if (!byName.TryGetValue(name, out SparseWeight? weight)) return;
        var mask = new BlockMask(weight);
        for (int block = 0; block < weight.Blocks; block++)
        {
            (int top, int left) = (block / weight.GridColumns * weight.BlockRows, block % weight.GridColumns * weight.BlockColumns);
            int width = Math.Min(weight.BlockColumns, weight.Columns - left), bottom = Math.Min(top + weight.BlockRows, weight.Rows);
            for (int row = top; row < bottom && !mask[block]; row++)
                if (source.Slice(checked(row * weight.Columns + left), width).ContainsAnyExcept(0f)) mask.Revive(block);
        }
        Masks[name] = mask;
    }
}
