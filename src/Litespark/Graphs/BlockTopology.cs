namespace Litespark.Graphs;

/// <summary>
/// The buffer of integers that tells kernels which blocks of a <see cref="BlockGrid"/> are live; the host writes it between steps.
/// [0] the mode, [1] the number of live blocks L; then row by row (compressed rows): R + 1 pointers into the list that follows, and the
/// block columns of the live blocks, ascending within a row; then the same column by column: C + 1 pointers and the block rows.
/// Both lists have room for all R · C blocks; what lies behind the first L entries is undefined. Then the R block rows by how many live blocks
/// they have, most first, and the C block columns likewise; equals ascending.
/// </summary>
public static class BlockTopology
{
    /// <summary>Index of the mode.</summary>
    public const int Mode = 0;

    /// <summary>Index of the number of live blocks.</summary>
    public const int LiveCount = 1;

    /// <summary>Index of the first of R + 1 row pointers.</summary>
    public const int RowPointers = 2;

    /// <summary>Mode: weight gradients are computed for live blocks alone.</summary>
    public const int LiveGradients = 0;

    /// <summary>Mode: weight gradients are computed for all blocks.</summary>
    public const int DenseGradients = 1;

    /// <summary>Index of the block columns of the live blocks, row by row.</summary>
    public static int ColumnIndices(BlockGrid grid) => RowPointers + grid.RowBlocks + 1;

    /// <summary>Index of the first of C + 1 column pointers.</summary>
    public static int ColumnPointers(BlockGrid grid) => ColumnIndices(grid) + grid.Count;

    /// <summary>Index of the block rows of the live blocks, column by column.</summary>
    public static int RowIndices(BlockGrid grid) => ColumnPointers(grid) + grid.ColumnBlocks + 1;

    /// <summary>Index of the R block rows, those with most live blocks first.</summary>
    public static int RowsByLength(BlockGrid grid) => RowIndices(grid) + grid.Count;

    /// <summary>Index of the C block columns, those with most live blocks first.</summary>
    public static int ColumnsByLength(BlockGrid grid) => RowsByLength(grid) + grid.RowBlocks;

    /// <summary>Fills a buffer of <see cref="BlockGrid.TopologyLength"/> integers. live: R · C, row by row.</summary>
    /// <exception cref="ArgumentException">A span has not the grid's length.</exception>
    public static void Write(BlockGrid grid, ReadOnlySpan<bool> live, bool denseGradients, Span<int> buffer)
    {
        Check(grid, live.Length, buffer.Length);
        int rows = grid.RowBlocks, columns = grid.ColumnBlocks;
        buffer[Mode] = denseGradients ? DenseGradients : LiveGradients;
        buffer[LiveCount] = List(live, rows, columns, columns, 1, buffer.Slice(RowPointers, rows + 1), buffer[ColumnIndices(grid)..]);
        List(live, columns, rows, 1, columns, buffer.Slice(ColumnPointers(grid), columns + 1), buffer[RowIndices(grid)..]);
        Order(buffer.Slice(RowPointers, rows + 1), columns, buffer.Slice(RowsByLength(grid), rows));
        Order(buffer.Slice(ColumnPointers(grid), columns + 1), rows, buffer.Slice(ColumnsByLength(grid), columns));
    }

    /// <summary>Reads back which blocks are live; returns whether weight gradients are computed for all blocks.</summary>
    /// <exception cref="ArgumentException">A span has not the grid's length.</exception>
    public static bool Read(BlockGrid grid, ReadOnlySpan<int> buffer, Span<bool> live)
    {
        Check(grid, live.Length, buffer.Length);
        ReadOnlySpan<int> pointers = buffer.Slice(RowPointers, grid.RowBlocks + 1), columns = buffer[ColumnIndices(grid)..];
        live.Clear();
        for (int row = 0; row < grid.RowBlocks; row++)
        {
            foreach (int column in columns[pointers[row]..pointers[row + 1]]) live[grid.Index(row, column)] = true;
        }

        return buffer[Mode] == DenseGradients;
    }

    // The live ones among the lines × entries of a grid; returns their number.
    static int List(ReadOnlySpan<bool> live, int lines, int entries, int lineStep, int entryStep, Span<int> pointers, Span<int> indices)
    {
        int count = 0;
        for (int line = 0; line < lines; line++)
        {
            pointers[line] = count;
            for (int entry = 0; entry < entries; entry++)
            {
                if (live[line * lineStep + entry * entryStep]) indices[count++] = entry;
            }
        }

        pointers[lines] = count;
        return count;
    }

    // Lines by their number of live blocks, at most `entries`, the longest first.
    static void Order(ReadOnlySpan<int> pointers, int entries, Span<int> order)
    {
        int next = 0;
        for (int length = entries; length >= 0 && next < order.Length; length--)
        {
            for (int line = 0; line < order.Length; line++)
            {
                if (pointers[line + 1] - pointers[line] == length) order[next++] = line;
            }
        }
    }

    static void Check(BlockGrid grid, int live, int buffer)
    {
        ArgumentNullException.ThrowIfNull(grid);
        if (live != grid.Count || buffer != grid.TopologyLength)
            throw new ArgumentException($"{grid} has {grid.Count} flags and a buffer of {grid.TopologyLength} integers, not {live} and {buffer}.");
    }
}
