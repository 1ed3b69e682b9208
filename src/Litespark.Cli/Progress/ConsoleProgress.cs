using Litespark.Energy;
using Litespark.Reporting;
using Spectre.Console;

namespace Litespark.Cli.Progress;

/// <summary>
/// Shows a run on standard error and leaves stdout empty. On a terminal one live line is rewritten in place; elsewhere
/// (CI, pipes, files) plain lines appear now and then, without control codes.
/// </summary>
internal sealed class ConsoleProgress : ITrainingObserver, IDisposable
{
    static readonly TimeSpan LiveInterval = TimeSpan.FromMilliseconds(100);

    readonly ProgressTerminal terminal;
    readonly TimeProvider time;
    readonly TimeSpan interval;
    readonly IAnsiConsole console;
    TrainingStart start = new() { Run = "", Model = "", Parameters = 0, Device = "", MaxSteps = 0 };
    StepMetrics last;
    double? evalLoss;
    long startedAt;
    long? shownAt;
    int liveLength;

    /// <summary>Shows progress on the given terminal, by default standard error.</summary>
    /// <param name="terminal">Where to.</param>
    /// <param name="time">Clock; tests bring their own.</param>
    /// <param name="plainInterval">Least time between two plain lines; ten seconds by default.</param>
    public ConsoleProgress(ProgressTerminal? terminal = null, TimeProvider? time = null, TimeSpan? plainInterval = null)
    {
        this.terminal = terminal ?? ProgressTerminal.StandardError();
        this.time = time ?? TimeProvider.System;
        interval = this.terminal.IsLive ? LiveInterval : plainInterval ?? TimeSpan.FromSeconds(10);
        console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(this.terminal.Writer),
            Ansi = this.terminal.UseColor ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = this.terminal.UseColor ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
        });
    }

    /// <inheritdoc/>
    public void OnStart(TrainingStart start)
    {
        this.start = start;
        startedAt = time.GetTimestamp();
        Say($"{start.Model} | {Units.Count(start.Parameters)} parameters | {start.Device} | {start.Run}");
        if (start.StepsDone > 0) Say($"resuming after step {start.StepsDone}");
        if (start.EnergySource == EnergySources.Estimate) Say("energy is estimated (~), not measured; './litespark doctor' says why and what would help");
        else if (start.EnergyExplanation is { } counted) Say($"energy from {counted}");
    }

    /// <inheritdoc/>
    public void OnStep(in StepMetrics metrics)
    {
        last = metrics;
        bool isDue = shownAt is not { } shown || time.GetElapsedTime(shown) >= interval || metrics.Step == start.MaxSteps;
        if (isDue) ShowStep();
    }

    /// <inheritdoc/>
    public void OnEval(in EvalMetrics metrics)
    {
        evalLoss = metrics.EvalLoss;
        Say($"step {metrics.Step}/{start.MaxSteps} | validation loss {metrics.EvalLoss:F4}{(metrics.BitsPerByte is { } bits ? $" | {bits:F4} bits per byte" : "")}");
    }

    /// <inheritdoc/>
    public void OnCheckpoint(long step, string path) => Say($"saved {path}");

    /// <inheritdoc/>
    public void OnSample(long step, string text)
    {
        ClearLiveLine();
        console.MarkupLine($"[bold]sample at step {step}[/]");
        terminal.Writer.WriteLine(PrintableText.Of(text));
        Redraw();
    }

    /// <inheritdoc/>
    public void OnNotice(string message)
    {
        ClearLiveLine();
        terminal.Writer.WriteLine(PrintableText.Of(message));
        Redraw();
    }

    /// <inheritdoc/>
    public void OnWarning(string message)
    {
        ClearLiveLine();
        console.Markup("[yellow]warning:[/] ");
        terminal.Writer.WriteLine(PrintableText.Of(message));
        Redraw();
    }

    /// <inheritdoc/>
    public void OnEnd(TrainingSummary summary)
    {
        ClearLiveLine();
        shownAt = null;
        // A file has no width of its own: nothing is to be wrapped there.
        console.Profile.Width = terminal.IsLive ? Math.Max(terminal.Width(), 40) : 10_000;
        terminal.Writer.WriteLine(summary.Outcome switch
        {
            TrainingOutcome.Completed => "done",
            TrainingOutcome.Interrupted => "interrupted; the state is saved",
            _ => "stopped before the end",
        });
        console.Write(SummaryTable.Build(summary, hasBorder: terminal.IsLive));
        terminal.Writer.WriteLine(summary switch
        {
            { Outcome: TrainingOutcome.Interrupted } => $"go on:  ./litespark train --resume --out {summary.Run}",
            { Checkpoint: not null, CanGenerate: true } => $"try it:  ./litespark generate --checkpoint {summary.Run} --prompt \"...\"",
            _ => $"every step's figures:  {Path.Combine(summary.Run, MetricsWriter.FileName)}",
        });
    }

    /// <summary>Ends the live line, so that what follows (an error, perhaps) starts on a line of its own.</summary>
    public void Dispose()
    {
        if (liveLength > 0) terminal.Writer.WriteLine();
        liveLength = 0;
    }

    /// <summary>Writes a line that stays, above the live one.</summary>
    void Say(string line)
    {
        ClearLiveLine();
        terminal.Writer.WriteLine(line);
        Redraw();
    }

    void Redraw()
    {
        if (terminal.IsLive && shownAt is not null) ShowStep();
    }

    void ShowStep()
    {
        // The last column stays free: some terminals wrap as soon as it is filled.
        int width = terminal.IsLive ? terminal.Width() - 1 : int.MaxValue;
        string line = ProgressLine.Format(last, start.MaxSteps, evalLoss, Remaining(), start.EnergyTerms, width);
        shownAt = time.GetTimestamp();
        if (!terminal.IsLive)
        {
            terminal.Writer.WriteLine(line);
            return;
        }

        terminal.Writer.Write('\r' + line.PadRight(Math.Min(liveLength, Math.Max(width, 0))));
        terminal.Writer.Flush();
        liveLength = line.Length;
    }

    void ClearLiveLine()
    {
        if (liveLength == 0) return;
        terminal.Writer.Write('\r' + new string(' ', Math.Min(liveLength, Math.Max(terminal.Width() - 1, 0))) + '\r');
        liveLength = 0;
    }

    /// <summary>From the mean of this process's steps, with the evaluations and checkpoints between them.</summary>
    TimeSpan? Remaining()
    {
        long done = last.Step - start.StepsDone;
        return done > 0 ? time.GetElapsedTime(startedAt) / done * Math.Max(start.MaxSteps - last.Step, 0) : null;
    }
}
