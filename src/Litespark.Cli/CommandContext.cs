using System.Text.Json;
using Litespark.Recipes.Schema;

namespace Litespark.Cli;

/// <summary>
/// A command's way to the user. With <c>--json</c> stdout holds one JSON object and nothing else, so everything that
/// people read goes to stderr; without it, results go to stdout. Progress goes to stderr always.
/// </summary>
internal sealed class CommandContext(TextWriter output, TextWriter error, bool json, StopSignals? signals = null) : IDisposable
{
    StopSignals? signals = signals;

    /// <summary>Whether the user asked for JSON.</summary>
    public bool Json { get; } = json;

    /// <summary>Results for people.</summary>
    public TextWriter Out { get; } = json ? error : output;

    /// <summary>Progress and notes.</summary>
    public TextWriter Progress { get; } = error;

    /// <summary>
    /// Cancelled by the first Ctrl-C or SIGTERM; the command then saves and returns <see cref="ExitCodes.Interrupted"/>.
    /// A command that never asks for it is ended by the first signal, as any program is.
    /// </summary>
    public CancellationToken StopRequested => (signals ??= new StopSignals(Progress)).Token;

    /// <summary>Writes the result object as one line on stdout where the user asked for JSON; the last thing a command does.</summary>
    public void Result(Action<Utf8JsonWriter> members)
    {
        if (!Json) return;
        output.WriteLine(JsonText.Write(writer =>
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }));
        output.Flush();
    }

    public void Dispose() => signals?.Dispose();
}
