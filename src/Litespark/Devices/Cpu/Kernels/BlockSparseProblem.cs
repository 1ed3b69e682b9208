using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// One product with block-sparse weights w [rows, columns]: y = alpha · x·wᵀ (transposed) or alpha · x·w (+ y) (+ bias on every row).
/// Seen from y: its columns N fall into the blocks of one axis of the grid, k into those of the other.
/// </summary>
internal readonly unsafe struct BlockSparseProblem
{
    public readonly Matrix X;
    public readonly Matrix W;
    public readonly Matrix Y;
    public readonly bool TransposeW;
    public readonly float* Bias;
    public readonly bool Accumulate;
    public readonly float Alpha;

    /// <summary>The blocks of y's columns.</summary>
    public readonly BlockAxis Outputs;

    /// <summary>The blocks of x's columns.</summary>
    public readonly BlockAxis Inputs;

    /// <summary>For every block of outputs where its list of live inputs begins, then the lists' end.</summary>
    public readonly int* Pointers;

    /// <summary>The lists.</summary>
    public readonly int* Indices;

    /// <exception cref="ArgumentException">The weights are not those of the grid.</exception>
    public BlockSparseProblem(Matrix x, Matrix w, bool transposeW, BlockGrid grid, int* topology, Matrix y, float* bias, bool accumulate, float alpha)
    {
        if ((w.Rows, w.Columns) != (grid.Rows, grid.Columns)) throw new ArgumentException($"The weights are [{w.Rows}, {w.Columns}], their grid is {grid}.");
        (X, W, Y, TransposeW, Accumulate, Alpha) = (x, w, y, transposeW, accumulate, alpha);
        Bias = bias;
        BlockAxis rows = BlockAxis.OfRows(grid, BlockPanels.Piece), columns = BlockAxis.OfColumns(grid, BlockPanels.Piece);
        (Outputs, Inputs) = transposeW ? (rows, columns) : (columns, rows);
        Pointers = topology + (transposeW ? BlockTopology.RowPointers : BlockTopology.ColumnPointers(grid));
        Indices = topology + (transposeW ? BlockTopology.ColumnIndices(grid) : BlockTopology.RowIndices(grid));
    }

    /// <summary>Where a block of the weights begins.</summary>
    public float* Weights(int output, int input)
    {
        int line = Outputs.Starts[output], k = Inputs.Starts[input];
        return TransposeW ? W.Row(line) + k : W.Row(k) + line;
    }

    /// <summary>
    /// Packs a live block's weights [k][width] for outputs that begin with number <paramref name="skip"/> of the block; missing ones become zero.
    /// What lies <paramref name="ahead"/> floats from what is read is fetched: a block that will be packed soon.
    /// </summary>
    public void Pack(int output, int input, int skip, int width, float* panel, nint ahead)
    {
        int lines = Math.Min(width, Outputs.Lengths[output] - skip), depth = Inputs.Lengths[input];
        float* block = Weights(output, input);
        if (TransposeW) GemmPack.Transposed(block + skip * W.Stride, W.Stride, lines, depth, width, panel, Alpha, ahead);
        else GemmPack.Contiguous(block + skip, W.Stride, lines, depth, width, panel, GemmPack.PanelLength(width, depth), Alpha, ahead);
    }
}
