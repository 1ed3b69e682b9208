namespace Litespark.Training.Sparsity;

/// <summary>
/// A canonical weight cut into blocks. Blocks are counted row by row; those at the lower and the right edge are smaller where the block does
/// not divide the weight.
/// </summary>
/// <param name="Name">Hugging Face's name.</param>
/// <param name="Rows">First dimension as stored in a checkpoint.</param>
/// <param name="Columns">Second dimension.</param>
/// <param name="BlockRows">Rows of a block.</param>
/// <param name="BlockColumns">Columns of a block.</param>
/// <param name="InputsFirst">Whether rows are inputs and columns outputs, as in GPT-2; otherwise rows are outputs.</param>
public sealed record SparseWeight(string Name, int Rows, int Columns, int BlockRows, int BlockColumns, bool InputsFirst = false)
{
    /// <summary>Blocks along the first dimension.</summary>
    public int GridRows => (Rows + BlockRows - 1) / BlockRows;

    /// <summary>Blocks along the second dimension.</summary>
    public int GridColumns => (Columns + BlockColumns - 1) / BlockColumns;

    /// <summary>All blocks.</summary>
    public int Blocks => checked(GridRows * GridColumns);

    /// <summary>All elements.</summary>
    public long Elements => (long)Rows * Columns;

    /// <summary>Lines of blocks across the outputs: the outputs of one are dead where all of its blocks are.</summary>
    public int OutputLines => InputsFirst ? GridColumns : GridRows;

    /// <summary>The line that a block feeds.</summary>
    public int OutputLineOf(int block) => InputsFirst ? block % GridColumns : block / GridColumns;

    /// <summary>Elements in a block.</summary>
    public int ElementsOf(int block)
    {
        (int row, int column) = (block / GridColumns * BlockRows, block % GridColumns * BlockColumns);
        return Math.Min(BlockRows, Rows - row) * Math.Min(BlockColumns, Columns - column);
    }
}
