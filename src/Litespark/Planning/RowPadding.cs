using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.Planning;

/// <summary>
/// Lays the rows of a plan's own large matrices further apart where they would fall into the same few places of a cache
/// (<see cref="DeviceProfile.RowStride"/>): products read or write one column of many rows at a time.
/// </summary>
internal static class RowPadding
{
    /// <summary>Pads what only ops that take rows of any distance write and read.</summary>
    public static void Apply(IReadOnlyList<Node> nodes, IReadOnlyDictionary<Value, StoragePlanner.Block> blocks, Func<int, int, int> rowStride)
    {
        var contiguous = new HashSet<StoragePlanner.Block>();
        foreach (Node node in nodes)
        {
            if (TakesAnyStride(node.Op)) continue;
            foreach (Value value in node.Inputs.Concat(node.Outputs))
            {
                // Some columns of a matrix are never contiguous; all columns of some rows are.
                if (blocks[value].Columns == blocks[value].Root.Columns) contiguous.Add(blocks[value].Root);
            }
        }

        foreach (StoragePlanner.Block block in blocks.Values.Distinct())
        {
            // Vectors, which have one column, are read and written without a stride.
            if (block.Parent is not null || block.Persistent is not null || block.Columns == 1 || contiguous.Contains(block)) continue;
            block.Padding = rowStride(block.Rows, block.Columns) - block.Columns;
        }
    }

    /// <summary>Whether an op's kernels take rows of any distance wherever they take matrices; others may count on whole rows being contiguous.</summary>
    static bool TakesAnyStride(Op op) => op is MatMul or BlockSparseMatMul or BlockSparseWeightGradient or ColumnSum or Slice or Concat
        or Activation or ActivationGradient or GatedActivation or GatedActivationGradient or CrossEntropy or CrossEntropyGradient or CrossEntropyWithGradient;
}
