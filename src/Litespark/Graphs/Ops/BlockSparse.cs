namespace Litespark.Graphs.Ops;

/// <summary>
/// What ops over a block-sparse weight share. The weight [rows, columns] lies densely, its dead blocks are zero; which blocks are live is
/// the content of a topology buffer (<see cref="BlockTopology"/>, int32), which the host rewrites between steps: plans stay as they are.
/// </summary>
public abstract record BlockSparseOp(BlockGrid Grid) : Op
{
    /// <summary>Position of the topology among the inputs.</summary>
    public abstract int TopologyInput { get; }
}

/// <summary>
/// y [N, ·] = x · Wᵀ, or x · W (+ bias, added to every row), over the live blocks of W: x, weight, topology and, if <see cref="HasBias"/>, bias.
/// Serves the forward pass and, turned round, the gradient of the input.
/// </summary>
public sealed record BlockSparseMatMul(BlockGrid Grid, bool TransposeWeight, bool HasBias = false) : BlockSparseOp(Grid)
{
    /// <inheritdoc/>
    public override string Name => "block_sparse_matmul";

    /// <inheritdoc/>
    public override int TopologyInput => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
    {
        (int k, int n) = TransposeWeight ? (Grid.Columns, Grid.Rows) : (Grid.Rows, Grid.Columns);
        if (inputs[0].Shape.Columns != k) throw new ArgumentException($"{Name}: {inputs[0]} does not fit the weight {inputs[1]}");
        return [inputs[0].Type.Of(new Shape(inputs[0].Shape.Rows, n))];
    }

    /// <summary>With every block alive; a plan does not know how many are.</summary>
    public override double Flops(Node node) => 2.0 * node.Inputs[0].Shape.Rows * Grid.Rows * Grid.Columns;

    /// <inheritdoc/>
    public override bool CanAccumulate(int output) => true;
}

/// <summary>
/// Gradient of a block-sparse weight: a [N, rows], b [N, columns], topology → aᵀ · b for live blocks, zero elsewhere; for all blocks where the
/// topology asks for dense gradients, from which a new topology is grown.
/// </summary>
public sealed record BlockSparseWeightGradient(BlockGrid Grid, DataType ResultType) : BlockSparseOp(Grid)
{
    /// <inheritdoc/>
    public override string Name => "block_sparse_weight_gradient";

    /// <inheritdoc/>
    public override int TopologyInput => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
    {
        if (inputs[0].Shape.Columns != Grid.Rows || inputs[1].Shape.Columns != Grid.Columns || inputs[0].Shape.Rows != inputs[1].Shape.Rows)
            throw new ArgumentException($"{Name}: {inputs[0]} and {inputs[1]} do not make a gradient [{Grid.Rows}, {Grid.Columns}]");
        return [new TensorType(new Shape(Grid.Rows, Grid.Columns), ResultType)];
    }

    /// <summary>With every block alive; a plan does not know how many are.</summary>
    public override double Flops(Node node) => 2.0 * node.Inputs[0].Shape.Rows * Grid.Rows * Grid.Columns;

    /// <inheritdoc/>
    public override bool CanAccumulate(int output) => true;
}

/// <summary>Mean of |x| in every block: x [rows, columns] → [row blocks · column blocks], by which blocks are dropped and grown.</summary>
public sealed record BlockNorms(BlockGrid Grid) : Op
{
    /// <inheritdoc/>
    public override string Name => "block_norms";

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [new(new Shape(Grid.Count))];
}

/// <summary>Sets the dead blocks of x [rows, columns] to zero, in place: x, topology.</summary>
public sealed record ZeroDeadBlocks(BlockGrid Grid) : BlockSparseOp(Grid)
{
    /// <inheritdoc/>
    public override string Name => "zero_dead_blocks";

    /// <inheritdoc/>
    public override int TopologyInput => 1;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [];

    /// <inheritdoc/>
    public override IReadOnlyList<int> MutatedInputs => [0];
}

/// <summary>
/// Sets the dead blocks of x [rows, columns] to the mean of what lives beside them, in place: x, topology, means of all blocks
/// [row blocks · column blocks]. The mean is that of the elements of the block row's live blocks; zero where none lives.
/// </summary>
public sealed record FillDeadBlocks(BlockGrid Grid) : BlockSparseOp(Grid)
{
    /// <inheritdoc/>
    public override string Name => "fill_dead_blocks";

    /// <inheritdoc/>
    public override int TopologyInput => 1;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs)
        => inputs[2].Shape.Length == Grid.Count ? [] : throw new ArgumentException($"{Name}: {inputs[2]} does not hold a mean for each of {Grid.Count} blocks");

    /// <inheritdoc/>
    public override IReadOnlyList<int> MutatedInputs => [0];
}

/// <summary>Σ x² over the live blocks → [1]: x [rows, columns], topology.</summary>
public sealed record BlockSparseSumOfSquares(BlockGrid Grid) : BlockSparseOp(Grid)
{
    /// <inheritdoc/>
    public override string Name => "block_sparse_sum_of_squares";

    /// <inheritdoc/>
    public override int TopologyInput => 1;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [new(new Shape(1))];

    /// <inheritdoc/>
    public override bool CanAccumulate(int output) => true;
}

/// <summary>
/// <see cref="AdamW"/> for the live blocks of a weight: weight, gradient, m, v, topology, schedule [3], clip factor [1] and, if
/// <see cref="HasCopy"/>, a copy of the weight in another element type. Dead blocks stay as they are.
/// </summary>
public sealed record BlockSparseAdamW(BlockGrid Grid, float Beta1, float Beta2, float Epsilon, float WeightDecay, bool HasCopy = false) : BlockSparseOp(Grid)
{
    /// <inheritdoc/>
    public override string Name => "block_sparse_adamw";

    /// <inheritdoc/>
    public override int TopologyInput => 4;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorType> Infer(IReadOnlyList<Value> inputs) => [];

    /// <inheritdoc/>
    public override IReadOnlyList<int> MutatedInputs => HasCopy ? [0, 2, 3, 7] : [0, 2, 3];
}
