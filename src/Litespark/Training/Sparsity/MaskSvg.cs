using System.Globalization;
using System.Text;

namespace Litespark.Training.Sparsity;

/// <summary>
/// All masks as one picture: a row for each layer, a column for each of its matrices, live blocks dark. Masks of more than
/// <see cref="MostCells"/> blocks along a side are drawn in cells of several blocks, the darker the more of them live. The file needs nothing else.
/// </summary>
public static class MaskSvg
{
    /// <summary>Cells along the longer side of a mask.</summary>
    public const int MostCells = 64;

    const int Side = 96, Gap = 12, Left = 76, Top = 56;

    /// <summary>Shades between none alive (white) and all alive.</summary>
    const int Shades = 8;

    /// <summary>Draws.</summary>
    /// <param name="title">Stands above.</param>
    /// <param name="masks">The masks, in the order of the model.</param>
    public static string Draw(string title, IReadOnlyList<BlockMask> masks)
    {
        ArgumentNullException.ThrowIfNull(title);
        ArgumentNullException.ThrowIfNull(masks);
        (string Layer, string Matrix, BlockMask Mask)[] placed = [.. masks.Select(mask => (Place(mask.Weight.Name).Layer, Place(mask.Weight.Name).Matrix, mask))];
        string[] layers = [.. placed.Select(panel => panel.Layer).Distinct()];
        string[] matrices = [.. placed.Where(panel => panel.Layer.Length > 0).Select(panel => panel.Matrix).Distinct()];
        // What belongs to no layer has a row of its own, each with its name above.
        int columns = Math.Max(matrices.Length, placed.Count(panel => panel.Layer.Length == 0)), width = Left + columns * (Side + Gap), height = Top + layers.Length * (Side + Gap + 14);
        var svg = new StringBuilder();
        void Line(FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
        Line($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Math.Max(width, 420)} {height}\" font-family=\"sans-serif\" font-size=\"10\">");
        Line($"<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
        Line($"<text x=\"8\" y=\"20\" font-size=\"14\">{Escape(title)}</text>");
        for (int i = 0; i < matrices.Length; i++) Line($"<text x=\"{Left + i * (Side + Gap)}\" y=\"{Top - 18}\">{Escape(matrices[i])}</text>");
        int loose = 0;
        foreach ((string layer, string matrix, BlockMask mask) in placed)
        {
            bool isLoose = layer.Length == 0;
            int column = isLoose ? loose++ : Array.IndexOf(matrices, matrix), x = Left + column * (Side + Gap), y = Top + Array.IndexOf(layers, layer) * (Side + Gap + 14);
            if (column == 0 && !isLoose) Line($"<text x=\"8\" y=\"{y + 12}\">{Escape(layer)}</text>");
            Line($"<text x=\"{x}\" y=\"{y - 4}\" fill=\"#666\">{(isLoose ? Escape(matrix[(matrix.LastIndexOf('.') + 1)..]) + ": " : "")}{100 * mask.Density:0.#} %</text>");
            Panel(Line, mask, x, y);
        }
        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>"model.layers.3.self_attn.q_proj.weight" is matrix self_attn.q_proj of layers.3; a name without a number belongs to no layer.</summary>
    internal static (string Layer, string Matrix) Place(string name)
    {
        string[] parts = name.Split('.');
        int last = parts[^1] == "weight" ? parts.Length - 1 : parts.Length, number = Array.FindIndex(parts, part => part.Length > 0 && part.All(char.IsAsciiDigit));
        return number < 1 || number + 1 >= last ? ("", string.Join('.', parts[..last])) : ($"{parts[number - 1]}.{parts[number]}", string.Join('.', parts[(number + 1)..last]));
    }

    static void Panel(Action<FormattableString> line, BlockMask mask, int x, int y)
    {
        SparseWeight weight = mask.Weight;
        int stride = (Math.Max(weight.GridRows, weight.GridColumns) + MostCells - 1) / MostCells;
        int rows = (weight.GridRows + stride - 1) / stride, columns = (weight.GridColumns + stride - 1) / stride;
        double cell = (double)Side / Math.Max(rows, columns);
        int[,] shades = new int[rows, columns];
        for (int row = 0; row < rows; row++)
            for (int column = 0; column < columns; column++) shades[row, column] = Shade(mask, row * stride, column * stride, stride);

        line($"<g transform=\"translate({x} {y}) scale({cell:0.####})\">");
        // One path for each shade, a rectangle for each run of equal cells in a row.
        for (int shade = 1; shade <= Shades; shade++)
        {
            var path = new StringBuilder();
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0, end; column < columns; column = end)
                {
                    end = column + 1;
                    if (shades[row, column] != shade) continue;
                    while (end < columns && shades[row, end] == shade) end++;
                    path.Append(CultureInfo.InvariantCulture, $"M{column} {row}h{end - column}v1h{column - end}z");
                }
            }
            if (path.Length > 0) line($"<path fill=\"#1f4e79\" fill-opacity=\"{(double)shade / Shades:0.###}\" d=\"{path}\"/>");
        }
        line($"</g>");
        line($"<rect x=\"{x}\" y=\"{y}\" width=\"{columns * cell:0.##}\" height=\"{rows * cell:0.##}\" fill=\"none\" stroke=\"#999\" stroke-width=\"0.5\"/>");
    }

    /// <summary>0 where all blocks of a cell are dead; otherwise at least 1, so that a single live block is seen.</summary>
    static int Shade(BlockMask mask, int top, int left, int stride)
    {
        (int live, int all) = (0, 0);
        for (int row = top; row < Math.Min(top + stride, mask.Weight.GridRows); row++)
        {
            for (int column = left; column < Math.Min(left + stride, mask.Weight.GridColumns); column++)
            {
                all++;
                if (mask[row * mask.Weight.GridColumns + column]) live++;
            }
        }
        return (int)Math.Ceiling((double)live * Shades / all);
    }

    static string Escape(string text) => text.Replace("&", "&amp;").Replace("<", "&lt;");
}
