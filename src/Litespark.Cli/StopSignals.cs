using System.Runtime.InteropServices;

namespace Litespark.Cli;

/// <summary>
/// Turns Ctrl-C and SIGTERM into a request to stop. The first one lets the step finish and the state be saved;
/// the second ends the process at once.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    readonly CancellationTokenSource source = new();
    readonly PosixSignalRegistration[] registrations;
    readonly TextWriter progress;
    readonly Action<int> exit;

    /// <param name="progress">Where the user is told that the signal was heard.</param>
    /// <param name="exit">Ends the process; tests put their own.</param>
    public StopSignals(TextWriter progress, Action<int>? exit = null)
    {
        this.progress = progress;
        this.exit = exit ?? Environment.Exit;
        registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM }.Select(signal => PosixSignalRegistration.Create(signal, OnSignal))];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations) registration.Dispose();
        source.Dispose();
    }

    void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true; // without it the runtime ends the process
        Receive();
    }

    internal void Receive()
    {
        if (source.IsCancellationRequested)
        {
            exit(ExitCodes.Failed);
            return;
        }
        progress.WriteLine();
        progress.WriteLine("Stopping: what is under way is brought to a safe end first. Once more to quit at once.");
        source.Cancel();
    }
}
