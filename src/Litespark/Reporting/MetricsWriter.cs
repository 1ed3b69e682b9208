using System.Buffers;
using System.Text.Json;

namespace Litespark.Reporting;

/// <summary>
/// Writes <c>metrics.jsonl</c>: one JSON object on a line for every step and every evaluation. Each line reaches the
/// kernel in one write before the call returns, so that a killed process leaves at most one partial line, the last, which
/// the next resume removes.
/// </summary>
public sealed class MetricsWriter : ITrainingObserver, IDisposable
{
    /// <summary>The file's name in a run folder.</summary>
    public const string FileName = "metrics.jsonl";

    readonly FileStream file;
    readonly ArrayBufferWriter<byte> line = new(512);
    readonly Utf8JsonWriter json;

    MetricsWriter(string path, FileMode mode, long? lastEvalStep)
    {
        LastEvalStep = lastEvalStep;
        json = new Utf8JsonWriter(line, JsonRows.Options);
        file = new FileStream(path, mode, FileAccess.Write, FileShare.Read | FileShare.Delete, bufferSize: 0);
    }

    /// <summary>Step of the last evaluation in the file; null where there is none.</summary>
    public long? LastEvalStep { get; private set; }

    /// <summary>Begins the file of a new run.</summary>
    /// <exception cref="UserErrorException">The folder holds the metrics of a run already.</exception>
    public static MetricsWriter Create(string runFolder)
    {
        string path = Path.Combine(runFolder, FileName);
        if (File.Exists(path) && new FileInfo(path).Length > 0)
        {
            throw new UserErrorException($"{path} already holds the metrics of a run; resume it with --resume, or choose another folder with --out.");
        }

        return new MetricsWriter(path, FileMode.Create, null);
    }

    /// <summary>
    /// Goes on with the file of an earlier run: rows beyond <paramref name="checkpointStep"/> and broken lines are removed
    /// first (in a new file that then takes the old one's place, so that a kill loses nothing).
    /// </summary>
    public static MetricsWriter Resume(string runFolder, long checkpointStep)
    {
        string path = Path.Combine(runFolder, FileName);
        long? lastEvalStep = File.Exists(path) ? MetricsFile.RemoveRowsBeyond(path, checkpointStep) : null;
        return new MetricsWriter(path, FileMode.Append, lastEvalStep);
    }

    /// <inheritdoc/>
    public void OnStep(in StepMetrics metrics)
    {
        JsonRows.Write(json, metrics);
        WriteLine();
    }

    /// <inheritdoc/>
    public void OnEval(in EvalMetrics metrics)
    {
        JsonRows.Write(json, metrics);
        WriteLine();
        LastEvalStep = metrics.Step;
    }

    /// <inheritdoc/>
    public void OnTopology(TopologyMetrics metrics)
    {
        JsonRows.Write(json, metrics);
        WriteLine();
    }

    /// <summary>Waits until the rows are on the disk, so that they outlive a power cut.</summary>
    public void Flush() => file.Flush(flushToDisk: true);

    /// <inheritdoc/>
    public void Dispose()
    {
        file.Dispose();
        json.Dispose();
    }

    void WriteLine()
    {
        json.Flush();
        line.Write("\n"u8);
        file.Write(line.WrittenSpan);
        line.ResetWrittenCount();
        json.Reset();
    }
}
