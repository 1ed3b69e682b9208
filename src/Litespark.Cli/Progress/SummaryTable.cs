using Litespark.Energy;
using Litespark.Reporting;
using Spectre.Console;

namespace Litespark.Cli.Progress;

/// <summary>The table at the end of a run; a row for everything that is known.</summary>
internal static class SummaryTable
{
    public static Table Build(TrainingSummary summary, bool hasBorder)
    {
        var table = new Table { Border = hasBorder ? TableBorder.Rounded : TableBorder.None, ShowHeaders = false };
        table.AddColumn(new TableColumn("") { NoWrap = true }).AddColumn("");
        void Row(string name, string? value)
        {
            if (value is not null) table.AddRow(Markup.Escape(name), Markup.Escape(value));
        }

        Row("run", summary.Run);
        Row("checkpoint", summary.Checkpoint);
        Row("steps", $"{summary.Steps}");
        Row("tokens", Units.Count(summary.Tokens));
        Row("time", Units.Time(summary.Elapsed));
        Row("loss", Optional(summary.Loss, loss => $"{loss:F4}"));
        Row("validation loss", Optional(summary.EvalLoss, loss => $"{loss:F4}"));
        Row("bits per byte", Optional(summary.BitsPerByte, bits => $"{bits:F4}"));
        Row("speed", Optional(summary.TokensPerSecond, speed => $"{Units.Count(speed)} tok/s"));
        Row("MFU", Optional(summary.Mfu, Units.Percent));
        Row("HFU", Optional(summary.Hfu, Units.Percent));
        Row("energy", Optional(summary.Joules, joules => Units.Joules(joules, summary.EnergySource)));
        if (summary is { Joules: { } total, Tokens: > 0 })
        {
            EnergyTerms terms = summary.EnergyTerms;
            Row("energy per token", $"{Units.Tilde(summary.EnergySource)}{total / summary.Tokens:G3} J");
            Row("carbon", $"{Units.Carbon(terms.Grams(total), summary.EnergySource)} ({terms.CarbonTerms})");
            Row("cost", Optional(terms.Cost(total), cost => $"{Units.Cost(cost, summary.EnergySource)} ({terms.CostTerms})"));
        }

        Row("clocks", summary.Clocks?.ToString());
        return table;
    }

    static string? Optional(double? value, Func<double, string> format) => value is { } number ? format(number) : null;
}
