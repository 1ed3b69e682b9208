using System.ComponentModel;
using System.Diagnostics;

namespace Litespark.Energy.Clocks.Live;

/// <summary>
/// A child process that restores automatic clocks when this process dies, however it does: the child reads from a pipe whose
/// other end only this process holds, and the system closes that with it. Disposing sends the child away.
/// </summary>
public sealed class ClockWatchdog : IDisposable
{
    /// <summary>What the child writes once it could restore clocks.</summary>
    public const string Ready = "ready";

    /// <summary>What the child is told when there is nothing to restore.</summary>
    public const string Done = "done";

    readonly Process child;

    ClockWatchdog(Process child) => this.child = child;

    /// <summary>Number of the child process.</summary>
    public int ProcessId => child.Id;

    /// <summary>Starts the child and waits until it is ready.</summary>
    /// <param name="file">The program, which calls <see cref="Watch"/>.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <exception cref="UserErrorException">It does not start, or could not restore clocks.</exception>
    public static ClockWatchdog Start(string file, IEnumerable<string> arguments)
    {
        const string Failed = "The process that restores the clocks if this one dies cannot be started";
        Process child;
        try
        {
            child = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        }
        catch (Exception error) when (error is Win32Exception or InvalidOperationException)
        {
            throw new UserErrorException($"{Failed} ({file}: {error.Message}). Without it clocks stay automatic.", error);
        }

        if (child.StandardOutput.ReadLine() == Ready) return new ClockWatchdog(child);
        string reason = child.StandardError.ReadToEnd().Trim();
        child.Dispose();
        throw new UserErrorException($"{Failed}: {reason}");
    }

    /// <summary>The child's side: waits for its parent's word or death; restores clocks on the latter.</summary>
    /// <param name="input">From the parent.</param>
    /// <param name="output">To the parent.</param>
    /// <param name="restore">Restores automatic clocks.</param>
    /// <returns>Whether clocks were restored.</returns>
    public static bool Watch(TextReader input, TextWriter output, Action restore)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(restore);
        output.WriteLine(Ready);
        output.Flush();
        if (input.ReadLine() == Done) return false;
        restore();
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            child.StandardInput.WriteLine(Done);
            child.StandardInput.Close();
        }
        catch (IOException)
        {
            // It is gone already; clocks were restored before this.
        }

        child.Dispose();
    }
}
