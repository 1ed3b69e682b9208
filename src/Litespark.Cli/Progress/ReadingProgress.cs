using System.Diagnostics;
using Litespark.Data;

namespace Litespark.Cli.Progress;

/// <summary>Tells now and then how far the reading of a corpus has come: a line every few seconds.</summary>
internal sealed class ReadingProgress(TextWriter output)
{
    static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    long shown = Stopwatch.GetTimestamp();

    /// <summary>Takes the state; shows it where it is time to.</summary>
    public void Report(DataProgress progress)
    {
        if (Stopwatch.GetElapsedTime(shown) < Interval) return;
        shown = Stopwatch.GetTimestamp();
        string tokens = progress.Tokens > 0 ? $", {Units.Count(progress.Tokens)} tokens" : "";
        output.WriteLine($"{progress.Source}: {progress.Fraction * 100:F0} %, {Units.Bytes(progress.Bytes)} of text{tokens}");
    }
}
