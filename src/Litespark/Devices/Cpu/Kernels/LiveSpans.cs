using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The rows of a matrix as kernels that go element by element see its live blocks: for every block row the spans of columns that are live,
/// neighbouring blocks as one.
/// </summary>
internal readonly unsafe struct LiveSpans(BlockGrid grid, int* topology)
{
    readonly int* pointers = topology + BlockTopology.RowPointers;
    readonly int* blocks = topology + BlockTopology.ColumnIndices(grid);
    readonly int blockColumns = grid.BlockColumns, columns = grid.Columns;

    /// <summary>
    /// Finds the next span [Start, End) of a block row; <paramref name="next"/> is 0 to begin with and tells where to go on. No more: both are the
    /// number of columns.
    /// </summary>
    public (int Start, int End) Next(int rowBlock, ref int next)
    {
        int* block = blocks + pointers[rowBlock] + next, last = blocks + pointers[rowBlock + 1];
        if (block >= last) return (columns, columns);
        int first = *block, end = first;
        for (; block < last && *block == end; block++) end++;
        next += end - first;
        return (first * blockColumns, Math.Min(end * blockColumns, columns));
    }
}
