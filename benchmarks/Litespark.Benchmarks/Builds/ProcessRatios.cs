using System.Globalization;
using System.Text.Json.Nodes;
using Litespark.Benchmarks.Measuring;
using Litespark.Benchmarks.Reporting;

namespace Litespark.Benchmarks.Builds;

/// <summary>
/// What several processes say of two builds. Where memory and code come to lie is drawn anew in each, and may favour one build by some percent: the
/// median of the processes counts, and their spread says how far it is to be believed.
/// </summary>
/// <param name="reports">The report of each process, as the verb prints it as JSON.</param>
internal sealed class ProcessRatios(IReadOnlyList<JsonNode> reports)
{
    static readonly string[] Keys = ["kernel", "phase", "operands"], Steps = ["first", "last"];

    /// <summary>A kernel, or (without texts) a whole step.</summary>
    /// <param name="Texts">Kernel, phase and operands.</param>
    /// <param name="Row">What the first process that has it says.</param>
    /// <param name="Ratios">The ratio of each process; NaN where it has none.</param>
    public sealed record Line(string[] Texts, JsonNode Row, double[] Ratios)
    {
        /// <summary>Median of the processes.</summary>
        public double Median => Statistics.Median(Ratios.Where(double.IsFinite));
    }

    /// <summary>All kernels, in the order in which they come up.</summary>
    public IReadOnlyList<Line> Lines { get; } = Collect(reports);

    /// <summary>The ratio over all kernels of each process.</summary>
    public double[] Together { get; } = [.. reports.Select(report => (double?)report["summary"]!["ratio"] ?? double.NaN)];

    /// <summary>Steps whose losses were compared: the first, and the last where whole steps were measured.</summary>
    public IEnumerable<string> Losses => Steps.Where(which => reports.All(report => report["summary"]![$"{which}_loss_difference"] is not null));

    /// <summary>Largest relative difference of a step's losses.</summary>
    public double LossDifference(string which) => reports.Max(report => (double)report["summary"]![$"{which}_loss_difference"]!);

    static List<Line> Collect(IReadOnlyList<JsonNode> reports)
    {
        var lines = new List<Line>();
        for (int process = 0; process < reports.Count; process++)
        {
            foreach (JsonNode row in reports[process]["rows"]!.AsArray().OfType<JsonNode>().Where(row => row["ratio"] is not null))
            {
                string[] texts = [.. Keys.Select(key => (string?)row[key]).OfType<string>()];
                Line? line = lines.Find(line => line.Texts.SequenceEqual(texts));
                if (line is null) lines.Add(line = new Line(texts, row, [.. Enumerable.Repeat(double.NaN, reports.Count)]));
                line.Ratios[process] = (double)row["ratio"]!;
            }
        }

        return lines;
    }

    /// <summary>Adds table, raw lines and summary to a report.</summary>
    public void AddTo(Report report)
    {
        bool steps = Lines.All(line => line.Texts.Length == 0);
        var table = steps ? new TextTable(1, "step", "ms this", "ratio", "of each process") : new TextTable(3, "kernel", "phase", "operands", "calls", "share", "ms this", "ratio", "of each process");
        foreach (Line line in Lines)
        {
            string own = string.Create(CultureInfo.InvariantCulture, $"{(double)line.Row["ms_this"]!:F3}"), ratio = Figures.Times(line.Median);
            table.Add(steps ? ["whole", own, ratio, Each(line.Ratios)] : [.. line.Texts, line.Row["calls"]!.ToString(), Figures.Percent((double)line.Row["share"]!), own, ratio, Each(line.Ratios)]);
        }

        report.Table(table);
        for (int process = 0; process < reports.Count; process++)
        {
            foreach (JsonObject row in reports[process]["rows"]!.AsArray().OfType<JsonObject>())
            {
                var raw = new JsonObject { ["process"] = process + 1 };
                foreach ((string key, JsonNode? value) in row) raw[key] = value?.DeepClone();
                report.Raw(raw);
            }
        }

        if (!steps)
        {
            double share = Statistics.Median(reports.Select(report => (double)report["summary"]!["share"]!));
            report.Line();
            report.Line($"All of these together, weighted by their time in a step: {Figures.Times(Statistics.Median(Together))} over {Figures.Percent(share)} of this build's step; of each process {Each(Together)}.");
            foreach (JsonNode row in reports[0]["rows"]!.AsArray().OfType<JsonNode>().Where(row => row["only_in"] is not null))
                report.Line($"Not compared, since {row["only_in"]} alone has it ({Figures.Percent((double)row["share"]!)} of its step): {row["kernel"]}");
            report.Summary("share", Figures.Raw(share));
        }

        report.Summary("ratio", Figures.Raw(steps ? Lines[0].Median : Statistics.Median(Together)));
        foreach (string which in Losses) report.Summary($"{which}_loss_difference", Figures.Raw(LossDifference(which)));
    }

    static string Each(double[] ratios)
        => string.Join("  ", ratios.Select(ratio => double.IsNaN(ratio) ? "    -" : ratio.ToString("F3", CultureInfo.InvariantCulture)));
}
