namespace Litespark.Benchmarks.Reporting;

/// <summary>A table in plain text: names to the left, figures to the right; as good in a file as on a terminal.</summary>
internal sealed class TextTable(int leftColumns, params string[] headers)
{
    readonly List<string[]> rows = [headers];

    /// <summary>Adds a row, one cell for each header.</summary>
    public void Add(params string[] cells)
    {
        if (cells.Length != headers.Length) throw new ArgumentException($"{cells.Length} cells for {headers.Length} columns", nameof(cells));
        rows.Add(cells);
    }

    /// <summary>The rows as lines.</summary>
    public IEnumerable<string> Lines()
    {
        int[] widths = [.. headers.Select((_, column) => rows.Max(row => row[column].Length))];
        foreach (string[] row in rows)
            yield return string.Join("  ", row.Select((cell, column) => column < leftColumns ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))).TrimEnd();
    }
}
