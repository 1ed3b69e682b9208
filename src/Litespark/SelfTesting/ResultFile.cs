using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Litespark.SelfTesting;

/// <summary>A file of results, one JSON object a line, each on the disk as soon as it is known: what a stage found stays when it is cut short.</summary>
internal sealed class ResultFile : IDisposable
{
    static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    readonly StreamWriter writer;

    /// <summary>Starts the file anew.</summary>
    public ResultFile(string path)
    {
        Path = path;
        writer = new StreamWriter(path) { AutoFlush = true };
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Adds a line.</summary>
    public void Add(JsonObject line) => writer.WriteLine(line.ToJsonString(Readable));

    /// <inheritdoc/>
    public void Dispose() => writer.Dispose();
}
