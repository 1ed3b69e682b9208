namespace Litespark.Graphs;

/// <summary>
/// How a weight matrix [rows, columns] is cut into blocks, each of which is live or dead as a whole. Fused weights consist of members
/// stacked along the rows (query, key, value …); no block crosses a member, so the last block row of a member may be lower than the
/// others. The last block column may be narrower. Two grids are equal where they cut alike.
/// </summary>
public sealed class BlockGrid : IEquatable<BlockGrid>
{
    readonly int[] rowStarts;

    BlockGrid(int[] rowStarts, int columns, int blockRows, int blockColumns)
    {
        this.rowStarts = rowStarts;
        (Columns, BlockRows, BlockColumns) = (columns, blockRows, blockColumns);
        ColumnBlocks = (columns + blockColumns - 1) / blockColumns;
        Count = checked(RowBlocks * ColumnBlocks);
        TopologyLength = checked(BlockTopology.RowPointers + RowBlocks + 1 + Count + ColumnBlocks + 1 + Count + RowBlocks + ColumnBlocks);
    }

    /// <summary>The grid of a matrix whose members have so many rows each (one member: the matrix is not fused).</summary>
    /// <exception cref="ArgumentException">No member, or a size below 1.</exception>
    public static BlockGrid Of(IReadOnlyList<int> memberRows, int columns, int blockRows, int blockColumns)
    {
        ArgumentNullException.ThrowIfNull(memberRows);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(blockRows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(blockColumns, 1);
        if (memberRows.Count == 0) throw new ArgumentException("A grid has at least one member.", nameof(memberRows));
        List<int> starts = [0];
        foreach (int rows in memberRows)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1, nameof(memberRows));
            int begin = starts[^1], end = checked(begin + rows);
            for (int start = begin + blockRows; start < end; start += blockRows) starts.Add(start);
            starts.Add(end);
        }

        return new BlockGrid([.. starts], columns, blockRows, blockColumns);
    }

    /// <summary>First row of every block row, then the number of rows: R + 1 ascending boundaries.</summary>
    public IReadOnlyList<int> RowStarts => rowStarts;

    /// <summary>Rows of the matrix.</summary>
    public int Rows => rowStarts[^1];

    /// <summary>Columns of the matrix.</summary>
    public int Columns { get; }

    /// <summary>Rows of a block, unless a member ends within.</summary>
    public int BlockRows { get; }

    /// <summary>Columns of a block, unless the matrix ends within.</summary>
    public int BlockColumns { get; }

    /// <summary>Number of block rows R.</summary>
    public int RowBlocks => rowStarts.Length - 1;

    /// <summary>Number of block columns C.</summary>
    public int ColumnBlocks { get; }

    /// <summary>Number of blocks R · C; block (i, j) is number i · C + j.</summary>
    public int Count { get; }

    /// <summary>Integers of the buffer that says which blocks are live: see <see cref="BlockTopology"/>.</summary>
    public int TopologyLength { get; }

    /// <summary>First row of a block row.</summary>
    public int RowStart(int rowBlock) => rowStarts[rowBlock];

    /// <summary>Rows of a block row.</summary>
    public int Height(int rowBlock) => rowStarts[rowBlock + 1] - rowStarts[rowBlock];

    /// <summary>First column of a block column.</summary>
    public int ColumnStart(int columnBlock) => columnBlock * BlockColumns;

    /// <summary>Columns of a block column.</summary>
    public int Width(int columnBlock) => Math.Min(BlockColumns, Columns - ColumnStart(columnBlock));

    /// <summary>Number of a block.</summary>
    public int Index(int rowBlock, int columnBlock) => rowBlock * ColumnBlocks + columnBlock;

    /// <summary>Weights in a block.</summary>
    public int Elements(int block) => Height(block / ColumnBlocks) * Width(block % ColumnBlocks);

    /// <inheritdoc/>
    public bool Equals(BlockGrid? other)
        => other is not null && (Columns, BlockRows, BlockColumns) == (other.Columns, other.BlockRows, other.BlockColumns)
            && rowStarts.AsSpan().SequenceEqual(other.rowStarts);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as BlockGrid);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Rows, RowBlocks, Columns, BlockRows, BlockColumns);

    /// <inheritdoc/>
    public override string ToString() => $"[{Rows}, {Columns}] in {RowBlocks} × {ColumnBlocks} blocks of {BlockRows} × {BlockColumns}";
}
