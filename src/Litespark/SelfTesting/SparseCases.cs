using Litespark.Graphs;
using Litespark.Graphs.Ops;

namespace Litespark.SelfTesting;

/// <summary>Cases of ops over block-sparse weights: blocks that suit tensor cores, blocks of one weight and of odd sizes, weights of several members.</summary>
internal static partial class OpCases
{
    static IEnumerable<OpCase> Sparse(bool large)
    {
        (int Tokens, BlockGrid Grid)[] sizes = large
            ? [(1024, BlockGrid.Of([768, 256, 256], 1024, 128, 128)), (515, BlockGrid.Of([2048, 2000], 768, 64, 64)), (1, BlockGrid.Of([1024], 2816, 128, 128)), (300, BlockGrid.Of([520], 392, 8, 8)), (64, BlockGrid.Of([130], 70, 1, 1))]
            : [(33, BlockGrid.Of([64, 40], 72, 32, 32)), (1, BlockGrid.Of([50], 66, 33, 41)), (19, BlockGrid.Of([24, 12], 40, 8, 8)), (7, BlockGrid.Of([9], 11, 1, 1))];
        foreach ((int tokens, BlockGrid grid) in sizes)
        {
            string size = $"{tokens} tokens, {grid}";
            (int rows, int columns) = (grid.Rows, grid.Columns);
            OperandSpec weight = X(rows, columns) with { Grid = grid }, live = Topology(grid, BlockTopology.LiveGradients), all = Topology(grid, BlockTopology.DenseGradients), master = Float(rows, columns) with { Grid = grid };
            double product = 1e-6 * Math.Sqrt(Math.Max(rows, columns)), gradient = 1e-6 * Math.Sqrt(tokens) + 1e-6;
            yield return Case($"block_sparse_matmul x·wᵀ, {size}", new BlockSparseMatMul(grid, TransposeWeight: true), X(tokens, columns), weight, live) with { Tolerance = product };
            yield return Case($"block_sparse_matmul x·w with bias, added, {size}", new BlockSparseMatMul(grid, false, HasBias: true).WithAddend(0), X(tokens, rows), weight, live, X(columns), X(tokens, columns)) with { Tolerance = product };
            yield return Case($"block_sparse_weight_gradient, {size}", new BlockSparseWeightGradient(grid, DataType.Float32), X(tokens, rows), X(tokens, columns), live) with { Tolerance = gradient, LiveResult = grid };
            yield return Case($"block_sparse_weight_gradient, added, {size}", new BlockSparseWeightGradient(grid, DataType.Float32).WithAddend(0), X(tokens, rows), X(tokens, columns), live, master) with { Tolerance = gradient };
            yield return Case($"block_sparse_weight_gradient of all blocks, {size}", new BlockSparseWeightGradient(grid, DataType.Float32), X(tokens, rows), X(tokens, columns), all) with { Tolerance = gradient };
            if (tokens == 1) continue; // what follows knows no tokens
            string matrix = $"{grid}";
            yield return Case($"block_norms, {matrix}", new BlockNorms(grid), Float(rows, columns)) with { Tolerance = 1e-5 };
            yield return Case($"zero_dead_blocks, {matrix}", new ZeroDeadBlocks(grid), X(rows, columns), all);
            yield return Case($"fill_dead_blocks, {matrix}", new FillDeadBlocks(grid), X(rows, columns), all, Float(grid.Count));
            yield return Case($"block_sparse_sum_of_squares, added, {matrix}", new BlockSparseSumOfSquares(grid).WithAddend(0), Float(rows, columns), live, Positive(1)) with { Tolerance = 1e-5 };
            yield return new OpCase($"block_sparse_adamw, {matrix}", precision => new BlockSparseAdamW(grid, 0.9f, 0.95f, 1e-8f, 0.1f, precision != DataType.Float32),
                [master, Float(rows, columns), master, Positive(rows, columns), live, Positive(4), Positive(1), weight with { IsRoundedCopy = true }], 1e-5);
        }
    }

    static OperandSpec Topology(BlockGrid grid, int mode) => new(S(grid.TopologyLength), OperandContents.Topology, mode) { Grid = grid };
}
