namespace Litespark.Devices.Cpu.Kernels;

/// <summary>An operand of a weight gradient [tokens, …], its columns cut into the blocks of one axis of the grid.</summary>
internal sealed unsafe class BlockSparseOperand(Matrix matrix, BlockAxis axis)
{
    /// <summary>The blocks.</summary>
    public BlockAxis Axis { get; } = axis;

    /// <summary>Floats from one panel of so many tokens to the next: a line more than it has, since whole powers of two all fall into the same lines of a cache.</summary>
    public nint PanelLength(int tokens) => (nint)tokens * Axis.Piece + 16;

    /// <summary>
    /// Packs some tokens of the blocks [first, last) into panels [token][<see cref="BlockAxis.Piece"/>], one per piece, that lie so many floats apart;
    /// what is missing of a piece becomes zero.
    /// </summary>
    public void Pack(int first, int last, int token, int tokens, float* panels, nint panelLength)
    {
        int* starts = Axis.Starts, pieces = Axis.FirstPieces;
        for (int block = first; block < last;)
        {
            // As far as every block is a whole number of pieces, one pass over the rows, from end to end, packs them all.
            int end = block + 1;
            while (end < last && Axis.Lengths[end - 1] % Axis.Piece == 0) end++;
            GemmPack.Contiguous(matrix.Row(token) + starts[block], matrix.Stride, starts[end] - starts[block], tokens, Axis.Piece,
                panels + (pieces[block] - pieces[first]) * panelLength, panelLength, scale: 1);
            block = end;
        }
    }
}
