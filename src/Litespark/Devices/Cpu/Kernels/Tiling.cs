namespace Litespark.Devices.Cpu.Kernels;

/// <summary>A task's part of a matrix: rows [FirstRow, EndRow), columns [Column, Column + Count).</summary>
internal readonly record struct Tile(int FirstRow, int EndRow, int Column, int Count);

/// <summary>
/// Cuts a matrix into tasks by its shape alone. A task is large enough to hide what handing it out costs
/// and small enough that workers finish together.
/// </summary>
internal readonly struct Tiling
{
    const int TaskElements = 16 * 1024;
    const int MaxTaskRows = 64;

    readonly int rows, columns, tileRows, tileColumns, tilesAcross;

    Tiling(int rows, int columns, int tileRows, int tileColumns)
    {
        (this.rows, this.columns, this.tileRows, this.tileColumns) = (rows, columns, tileRows, Math.Max(tileColumns, 1));
        tilesAcross = (columns + this.tileColumns - 1) / this.tileColumns;
        Count = (rows + tileRows - 1) / tileRows * tilesAcross;
    }

    /// <summary>Number of tiles.</summary>
    public int Count { get; }

    /// <summary>Tiles for element-wise work: wide rows are cut too.</summary>
    public static Tiling Elements(int rows, int columns) => new(rows, columns, RowsFor(columns), Math.Min(columns, TaskElements));

    /// <summary>Tiles of whole rows, of so many at least.</summary>
    public static Tiling Rows(int rows, int columns, int atLeast = 1) => new(rows, columns, Math.Max(atLeast, RowsFor(columns)), columns);

    /// <summary>Tiles of a fixed number of whole rows, one partial result for each.</summary>
    public static Tiling RowBlocks(int rows, int columns, int blockRows) => new(rows, columns, blockRows, columns);

    /// <summary>Tiles of a fixed number of columns over all rows.</summary>
    public static Tiling ColumnBlocks(int rows, int columns, int blockColumns) => new(rows, columns, Math.Max(rows, 1), blockColumns);

    /// <summary>The tile of a task.</summary>
    public Tile this[int task]
    {
        get
        {
            (int down, int across) = Math.DivRem(task, tilesAcross);
            int firstRow = down * tileRows, column = across * tileColumns;
            return new(firstRow, Math.Min(firstRow + tileRows, rows), column, Math.Min(tileColumns, columns - column));
        }
    }

    static int RowsFor(int columns) => Math.Clamp(TaskElements / Math.Max(columns, 1), 1, MaxTaskRows);
}
