using System.Text.Unicode;

namespace Litespark.Data.Sources;

/// <summary>Reads all documents of one source, in a fixed order, holding one document (or one line) at a time.</summary>
internal sealed class CorpusReader
{
    readonly DataOptions options;
    readonly DataSourceOptions source;
    readonly ApiDocumentation apiDocumentation = new();

    /// <summary>Finds the files of a text source.</summary>
    /// <exception cref="UserErrorException">There are none, or no .NET SDK for <see cref="DataSourceKind.DotNetDocs"/>.</exception>
    public CorpusReader(DataSourceOptions source, DataOptions options)
    {
        this.options = options;
        this.source = source;
        Files = source.Source == DataSourceKind.DotNetDocs ? DotNetDocs.FindFiles() : SourceFiles.Find(source.Paths, SourceFiles.TextExtensions);
        foreach (string file in Files) StoredBytes += new FileInfo(file).Length;
    }

    /// <summary>The files, in the order in which they are read.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>Their size together, as stored.</summary>
    public long StoredBytes { get; }

    /// <summary>The source in few words.</summary>
    public string Name => source.Paths.Count == 0 ? DataSourceKinds.ToName(source.Source) : string.Join(", ", source.Paths);

    /// <summary>What has been counted so far.</summary>
    public CorpusStatistics Statistics { get; } = new();

    /// <summary>The documents. To be enumerated once.</summary>
    /// <exception cref="UserErrorException">A file cannot be read or is broken, or the whole source holds no text.</exception>
    public IEnumerable<Document> Read()
    {
        foreach (string path in Files)
        {
            using SourceStream stream = new(path, Statistics);
            foreach (Document document in ReadFile(path, stream))
            {
                if (document.Text.IsEmpty)
                {
                    Statistics.EmptyDocuments++;
                    continue;
                }
                Statistics.Documents++;
                Statistics.Bytes += document.Text.Length;
                if (!Utf8.IsValid(document.Text.Span)) Statistics.InvalidUtf8Documents++;
                yield return document;
            }
        }
        if (Statistics.Documents == 0) throw Empty();
    }

    IEnumerable<Document> ReadFile(string path, Stream stream)
    {
        string name = path.ToLowerInvariant();
        foreach (string compression in (ReadOnlySpan<string>)[".gz", ".zst"])
            if (name.EndsWith(compression, StringComparison.Ordinal)) name = name[..^compression.Length];
        return Path.GetExtension(name) switch
        {
            ".jsonl" => JsonLines.Read(path, stream, options.TextField, options.MaxBadLines, Statistics),
            ".xml" => apiDocumentation.Read(path, stream),
            _ => TextFiles.Read(path, stream),
        };
    }

    UserErrorException Empty()
    {
        string lines = Statistics.BadLines == 0 ? "" : $" {Statistics.BadLines} lines were skipped, the first: {Statistics.BadLineExamples[0]}.";
        return new UserErrorException($"The corpus {Name} holds no text (files: {Files.Count}, empty documents: {Statistics.EmptyDocuments}).{lines}");
    }
}
