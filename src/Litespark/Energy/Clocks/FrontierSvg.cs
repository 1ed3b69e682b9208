using System.Globalization;
using System.Text;

namespace Litespark.Energy.Clocks;

/// <summary>The frontier as a picture: change of time to the right, change of energy upwards, one line for each level. The file needs nothing else.</summary>
public static class FrontierSvg
{
    const double Width = 760, Height = 460, Left = 70, Right = 170, Top = 40, Bottom = 60;
    static readonly string[] colours = ["#777777", "#9ecae1", "#3182bd", "#fdae6b", "#e6550d", "#31a354"];

    /// <summary>Draws.</summary>
    /// <param name="title">Stands above.</param>
    /// <param name="automatic">The origin.</param>
    /// <param name="points">All levels' points.</param>
    public static string Draw(string title, StepCost automatic, IReadOnlyList<FrontierPoint> points)
    {
        ArgumentNullException.ThrowIfNull(points);
        (double Time, double Energy)[] changes = [.. points.Select(point => (point.Cost.SecondsOver(automatic) * 100, point.Cost.JoulesOver(automatic) * 100))];
        var x = Axis.Over(changes.Select(change => change.Time).Append(0), Left, Width - Right);
        var y = Axis.Over(changes.Select(change => change.Energy).Append(0), Height - Bottom, Top);
        var svg = new StringBuilder();
        void Line(FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
        Line($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" font-family=\"sans-serif\" font-size=\"12\">");
        Line($"<rect width=\"{Width}\" height=\"{Height}\" fill=\"white\"/>");
        Line($"<text x=\"{Left}\" y=\"22\" font-size=\"14\">{Escape(title)}</text>");
        foreach (double tick in x.Ticks)
        {
            Line($"<line x1=\"{x.At(tick):0.#}\" y1=\"{Top}\" x2=\"{x.At(tick):0.#}\" y2=\"{Height - Bottom}\" stroke=\"{(tick == 0 ? "#888" : "#e5e5e5")}\"/>");
            Line($"<text x=\"{x.At(tick):0.#}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{tick:+0.##;-0.##;0} %</text>");
        }

        foreach (double tick in y.Ticks)
        {
            Line($"<line x1=\"{Left}\" y1=\"{y.At(tick):0.#}\" x2=\"{Width - Right}\" y2=\"{y.At(tick):0.#}\" stroke=\"{(tick == 0 ? "#888" : "#e5e5e5")}\"/>");
            Line($"<text x=\"{Left - 8}\" y=\"{y.At(tick) + 4:0.#}\" text-anchor=\"end\">{tick:+0.##;-0.##;0} %</text>");
        }

        Line($"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 18}\" text-anchor=\"middle\">time of a step, against automatic clocks</text>");
        Line($"<text transform=\"translate(18 {(Top + Height - Bottom) / 2}) rotate(-90)\" text-anchor=\"middle\">energy of a step</text>");
        int row = 0;
        foreach (IGrouping<PlanLevel, (FrontierPoint Point, (double Time, double Energy) Change)> level in points.Zip(changes).GroupBy(pair => pair.First.Level))
        {
            string colour = colours[(int)level.Key % colours.Length];
            string path = string.Join(' ', level.Select(pair => string.Create(CultureInfo.InvariantCulture, $"{x.At(pair.Change.Time):0.#},{y.At(pair.Change.Energy):0.#}")));
            Line($"<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
            foreach ((_, (double time, double energy)) in level) Line($"<circle cx=\"{x.At(time):0.#}\" cy=\"{y.At(energy):0.#}\" r=\"3\" fill=\"{colour}\"/>");
            Line($"<line x1=\"{Width - Right + 20}\" y1=\"{Top + 10 + (20 * row)}\" x2=\"{Width - Right + 44}\" y2=\"{Top + 10 + (20 * row)}\" stroke=\"{colour}\" stroke-width=\"2\"/>");
            Line($"<text x=\"{Width - Right + 50}\" y=\"{Top + 14 + (20 * row++)}\">{level.Key.Name()}</text>");
        }

        return svg.Append("</svg>\n").ToString();
    }

    static string Escape(string text) => text.Replace("&", "&amp;").Replace("<", "&lt;");

    /// <summary>A scale with round ticks.</summary>
    readonly record struct Axis(double Low, double High, double Step, double From, double To)
    {
        public static Axis Over(IEnumerable<double> values, double from, double to)
        {
            (double low, double high) = (values.Min(), values.Max());
            double raw = Math.Max((high - low) / 6, 0.1), power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
            double step = power * (raw / power <= 2 ? 2 : raw / power <= 5 ? 5 : 10);
            return new Axis(Math.Floor(low / step) * step, Math.Max(Math.Ceiling(high / step), Math.Floor(low / step) + 1) * step, step, from, to);
        }

        public IEnumerable<double> Ticks
        {
            get
            {
                for (int i = 0; i <= Math.Round((High - Low) / Step); i++) yield return Math.Round(Low + (i * Step), 9);
            }
        }

        public double At(double value) => From + ((To - From) * (value - Low) / (High - Low));
    }
}
