namespace Litespark.Cli.Progress;

/// <summary>A table in plain text: the first columns to the left, figures to the right; as good in a file as on a terminal.</summary>
internal sealed class TextTable(params string[] headers)
{
    readonly List<string[]> rows = headers.All(header => header.Length == 0) ? [] : [headers];

    /// <summary>Columns aligned to the left, counted from the first.</summary>
    public int LeftColumns { get; init; } = 1;

    /// <summary>Adds a row, one cell for each header.</summary>
    public void Add(params string[] cells) => rows.Add(cells);

    /// <summary>Writes the rows, indented by two.</summary>
    public void Write(TextWriter output)
    {
        int[] widths = [.. headers.Select((_, column) => rows.Select(row => row[column].Length).DefaultIfEmpty().Max())];
        foreach (string[] row in rows)
        {
            IEnumerable<string> cells = row.Select((cell, column) => column < LeftColumns ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]));
            output.WriteLine("  " + string.Join("  ", cells).TrimEnd());
        }
    }
}
