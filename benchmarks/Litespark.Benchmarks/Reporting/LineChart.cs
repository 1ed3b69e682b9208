using System.Globalization;
using System.Text;

namespace Litespark.Benchmarks.Reporting;

/// <summary>A line of a chart; the same name has the same colour in every panel, and one entry in the legend.</summary>
internal sealed record ChartLine(string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>Lines over one quantity.</summary>
internal sealed record ChartPanel(string Quantity, IReadOnlyList<ChartLine> Lines);

/// <summary>Panels side by side, over different quantities but with the same axis upwards, as an SVG file that needs nothing else.</summary>
internal static class LineChart
{
    const double Left = 56, Top = 44, Width = 300, Height = 260, Gap = 26, Legend = 170, Bottom = 52;

    static readonly string[] colours = ["#333333", "#e6550d", "#3182bd", "#31a354", "#756bb1", "#d6a800", "#e377c2", "#17becf", "#8c6d31"];

    /// <summary>Draws.</summary>
    /// <param name="title">Stands above.</param>
    /// <param name="quantity">What is upwards.</param>
    /// <param name="panels">The panels; together at least one point.</param>
    public static string Draw(string title, string quantity, IReadOnlyList<ChartPanel> panels)
    {
        string[] names = [.. panels.SelectMany(panel => panel.Lines).Select(line => line.Name).Distinct()];
        var y = ChartAxis.Over(panels.SelectMany(panel => panel.Lines).SelectMany(line => line.Points).Select(point => point.Y), Top + Height, Top);
        double right = Left + panels.Count * (Width + Gap);
        var svg = new StringBuilder();
        void Line(FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
        Line($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {right + Legend} {Top + Height + Bottom}\" font-family=\"sans-serif\" font-size=\"11\">");
        Line($"<rect width=\"100%\" height=\"100%\" fill=\"white\"/>");
        Line($"<text x=\"{Left}\" y=\"20\" font-size=\"14\">{Escape(title)}</text>");
        Line($"<text transform=\"translate(14 {Top + Height / 2}) rotate(-90)\" text-anchor=\"middle\">{Escape(quantity)}</text>");
        foreach (double tick in y.Ticks) Line($"<text x=\"{Left - 6}\" y=\"{y.At(tick) + 4:0.#}\" text-anchor=\"end\">{tick:0.###}</text>");
        for (int i = 0; i < panels.Count; i++) Panel(Line, panels[i], Left + i * (Width + Gap), y, name => Array.IndexOf(names, name));
        for (int i = 0; i < names.Length; i++)
        {
            Line($"<line x1=\"{right}\" y1=\"{Top + 10 + 18 * i}\" x2=\"{right + 22}\" y2=\"{Top + 10 + 18 * i}\" stroke=\"{colours[i % colours.Length]}\" stroke-width=\"2\"/>");
            Line($"<text x=\"{right + 28}\" y=\"{Top + 14 + 18 * i}\">{Escape(names[i])}</text>");
        }

        return svg.Append("</svg>\n").ToString();
    }

    static void Panel(Action<FormattableString> line, ChartPanel panel, double left, ChartAxis y, Func<string, int> colourOf)
    {
        var x = ChartAxis.Over(panel.Lines.SelectMany(drawn => drawn.Points).Select(point => point.X).Append(0), left, left + Width);
        foreach (double tick in y.Ticks) line($"<line x1=\"{left}\" y1=\"{y.At(tick):0.#}\" x2=\"{left + Width}\" y2=\"{y.At(tick):0.#}\" stroke=\"#e5e5e5\"/>");
        foreach (double tick in x.Ticks)
        {
            line($"<line x1=\"{x.At(tick):0.#}\" y1=\"{Top}\" x2=\"{x.At(tick):0.#}\" y2=\"{Top + Height}\" stroke=\"#e5e5e5\"/>");
            line($"<text x=\"{x.At(tick):0.#}\" y=\"{Top + Height + 16}\" text-anchor=\"middle\">{tick:0.###}</text>");
        }

        line($"<text x=\"{left + Width / 2}\" y=\"{Top + Height + 36}\" text-anchor=\"middle\">{Escape(panel.Quantity)}</text>");
        foreach (ChartLine drawn in panel.Lines)
        {
            string points = string.Join(' ', drawn.Points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{x.At(point.X):0.#},{y.At(point.Y):0.#}")));
            line($"<polyline points=\"{points}\" fill=\"none\" stroke=\"{colours[colourOf(drawn.Name) % colours.Length]}\" stroke-width=\"1.5\"/>");
        }
    }

    static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);
}

/// <summary>A scale with round ticks.</summary>
internal readonly record struct ChartAxis(double Low, double High, double Step, double From, double To)
{
    const int MostTicks = 6;

    /// <summary>The scale that holds some values, drawn between two coordinates.</summary>
    public static ChartAxis Over(IEnumerable<double> values, double from, double to)
    {
        (double low, double high) = (double.PositiveInfinity, double.NegativeInfinity);
        foreach (double value in values) (low, high) = (Math.Min(low, value), Math.Max(high, value));
        if (low == high) (low, high) = (low - 0.5, high + 0.5);
        double raw = (high - low) / MostTicks, power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        double step = power * (raw <= 1.001 * power ? 1 : raw <= 2 * power ? 2 : raw <= 5 * power ? 5 : 10);
        return new ChartAxis(Math.Floor(low / step) * step, Math.Ceiling(high / step) * step, step, from, to);
    }

    public IEnumerable<double> Ticks
    {
        get
        {
            for (int i = 0; i <= Math.Round((High - Low) / Step); i++) yield return Math.Round(Low + i * Step, 9);
        }
    }

    /// <summary>The coordinate of a value.</summary>
    public double At(double value) => From + (To - From) * (value - Low) / (High - Low);
}
