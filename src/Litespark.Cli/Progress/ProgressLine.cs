using Litespark.Energy;
using Litespark.Reporting;

namespace Litespark.Cli.Progress;

/// <summary>The one line that tells how training goes: what there is room for, the least important left out first.</summary>
internal static class ProgressLine
{
    const string Separator = " | ";

    /// <summary>The line for the latest step.</summary>
    /// <param name="step">The latest step.</param>
    /// <param name="maxSteps">The step that ends the run.</param>
    /// <param name="evalLoss">Loss of the latest evaluation.</param>
    /// <param name="remaining">Time left, where known.</param>
    /// <param name="terms">By what joules become carbon and cost.</param>
    /// <param name="width">Most characters that the line may have.</param>
    public static string Format(in StepMetrics step, long maxSteps, double? evalLoss, TimeSpan? remaining, EnergyTerms terms, int width)
    {
        // In the order of the line; the rank says who goes first when there is no room (the highest).
        List<(int Rank, string Text)> parts = [(0, $"step {step.Step}/{maxSteps}"), (1, $"loss {step.Loss:F4}")];
        if (evalLoss is { } loss) parts.Add((3, $"val {loss:F4}"));
        if (step.TokensPerSecond is { } speed) parts.Add((4, $"{Units.Count(speed)} tok/s"));
        if (step.Mfu is { } mfu) parts.Add((6, $"MFU {Units.Percent(mfu)}"));
        if (step.Joules is { } joules)
        {
            parts.Add((5, Units.Joules(joules, step.EnergySource)));
            parts.Add((8, Units.Carbon(terms.Grams(joules), step.EnergySource)));
            if (terms.Cost(joules) is { } cost) parts.Add((9, $"cost {Units.Cost(cost, step.EnergySource)}"));
        }

        if (step.PeakMemoryBytes is { } bytes) parts.Add((7, Units.Bytes(bytes)));
        if (remaining is { } time) parts.Add((2, $"ETA {Units.Time(time)}"));
        while (parts.Count > 1 && Length(parts) > width) parts.RemoveAt(parts.FindIndex(part => part.Rank == parts.Max(other => other.Rank)));
        string line = string.Join(Separator, parts.Select(part => part.Text));
        return line.Length <= width ? line : line[..Math.Max(width, 0)];
    }

    static int Length(List<(int Rank, string Text)> parts) => parts.Sum(part => part.Text.Length) + Separator.Length * (parts.Count - 1);
}
