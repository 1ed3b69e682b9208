using System.Text;
using Litespark.Data;
using Litespark.Data.Sources;

namespace Litespark.Tests.Data;

/// <summary>A folder of its own for a test, removed afterwards.</summary>
internal sealed class DataFolder : IDisposable
{
    public DataFolder() => Directory.CreateDirectory(Path);

    public string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), "litespark-data-" + Guid.NewGuid().ToString("N"));

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public string Write(string name, byte[] content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], content);
        return this[name];
    }

    public string Write(string name, string content) => Write(name, Encoding.UTF8.GetBytes(content));

    /// <summary>A JSON Lines file of numbered documents, 5 to 120 bytes long.</summary>
    public string WriteDocuments(string name, int count, string prefix = "document")
    {
        StringBuilder lines = new();
        for (int i = 0; i < count; i++) lines.Append($"{{\"text\": \"{prefix} {i} {new string((char)('a' + i % 26), i * 37 % 100)}\"}}\n");
        return Write(name, lines.ToString());
    }

    public DataOptions Options(params string[] train) => new() { Train = train, CacheDir = this["cache"] };

    public void Dispose() => Directory.Delete(Path, recursive: true);

    public static List<Document> Read(DataOptions options, out CorpusStatistics statistics)
    {
        CorpusReader reader = new(options.ResolveSources()[0], options);
        List<Document> documents = [.. reader.Read()];
        statistics = reader.Statistics;
        return documents;
    }

    public static string[] ReadTexts(DataOptions options) => [.. Read(options, out _).Select(d => Encoding.UTF8.GetString(d.Text.Span))];
}
