using System.Globalization;
using System.Numerics;
using System.Text;
using Litespark.Data.Loading;
using Litespark.Data.Shards;
using Litespark.Data.Sources;
using Litespark.Tokenization;

namespace Litespark.Data;

/// <summary>Looks at a recipe's data without keeping anything: <c>data inspect</c>.</summary>
public static class DataInspector
{
    /// <summary>Where one document ends and the next begins in a sample.</summary>
    public const string Boundary = "\n──────── end of text ────────\n";

    const int SampleDocuments = 4;
    const int SampleBytesPerDocument = 1200;
    const int SampleTokensPerDocument = 300;
    const long ReportEvery = 200_000;

    /// <summary>Reads every source once and reports on it.</summary>
    /// <param name="options">The recipe's data section.</param>
    /// <param name="encoder">The tokenizer.</param>
    /// <param name="seed">Chooses the documents of the sample.</param>
    /// <param name="threads">Threads that tokenise.</param>
    /// <param name="decode">Text of tokens, for samples out of shards; without it the token ids are shown.</param>
    /// <param name="progress">Called now and then from the calling thread.</param>
    /// <param name="cancellation">Stops between documents.</param>
    /// <exception cref="UserErrorException">As in training on this data.</exception>
    public static IReadOnlyList<DataReport> Inspect(
        DataOptions options, ITextEncoder encoder, long seed, int threads, Func<IReadOnlyList<int>, string>? decode = null,
        Action<DataProgress>? progress = null, CancellationToken cancellation = default)
    {
        List<DataReport> reports = [];
        foreach (DataSourceOptions source in options.ResolveSources())
        {
            reports.Add(source.Source switch
            {
                DataSourceKind.Synthetic => throw new UserErrorException("There is nothing to inspect in synthetic tokens; name text or shards."),
                DataSourceKind.Shards => InspectShards(source, encoder, (ulong)seed, decode),
                _ => InspectText(source, options, encoder, (ulong)seed, threads, progress, cancellation),
            });
        }
        return reports;
    }

    static DataReport InspectText(
        DataSourceOptions source, DataOptions options, ITextEncoder encoder, ulong seed, int threads,
        Action<DataProgress>? progress, CancellationToken cancellation)
    {
        CorpusReader reader = new(source, options);
        CorpusSplit split = new(options.Validation.Count > 0 ? 0 : options.ValidationFraction);
        Histogram lengths = new();
        // The documents with the smallest of random keys are a fair sample, found in one pass.
        PriorityQueue<Document, ulong> sample = new(Comparer<ulong>.Create((a, b) => b.CompareTo(a)));
        long documents = 0;
        long bytes = 0;
        long heldOut = 0;
        long reported = 0;
        foreach (TokenizedDocument document in ParallelTokenizer.Run(reader.Read(), encoder, threads, cancellation))
        {
            lengths.Add(document.Tokens.Length + 1);
            bytes += document.Document.Text.Length;
            if (split.IsHeldOut(document.Hash)) heldOut++;
            sample.Enqueue(document.Document, SplitMix.At(seed, (ulong)documents++));
            if (sample.Count > SampleDocuments) sample.Dequeue();
            if (progress is null || lengths.Total < reported + ReportEvery) continue;
            reported = lengths.Total;
            progress(new DataProgress(
                reader.Name, Math.Min(1, reader.Statistics.StoredBytesRead / Math.Max(1.0, reader.StoredBytes)), documents, bytes, lengths.Total));
        }
        StringBuilder text = new();
        while (sample.TryDequeue(out Document? document, out _)) text.Append(Excerpt(document.Text.Span)).Append(Boundary);
        CorpusStatistics counts = reader.Statistics;
        return new DataReport
        {
            Source = reader.Name,
            Files = counts.Files,
            Documents = documents,
            ValidationDocuments = heldOut,
            Bytes = bytes,
            Tokens = lengths.Total,
            Lengths = lengths.Bars(),
            BadLines = counts.BadLines,
            BadLineExamples = counts.BadLineExamples,
            EmptyDocuments = counts.EmptyDocuments,
            InvalidUtf8Documents = counts.InvalidUtf8Documents,
            Sample = text.ToString(),
        };
    }

    static DataReport InspectShards(DataSourceOptions source, ITextEncoder encoder, ulong seed, Func<IReadOnlyList<int>, string>? decode)
    {
        List<string> paths = SourceFiles.Find(source.Paths, [ShardHeader.Extension]);
        using TokenShards shards = TokenShards.Open(paths, encoder, verify: true);
        Histogram lengths = new();
        long heldOut = 0;
        for (long i = 0; i < shards.Documents; i++)
        {
            (TokenShard shard, long document) = shards.Locate(i);
            lengths.Add(shard.End(document) - shard.Start(document));
            if (ShardFolder.IsValidation(shard.Path)) heldOut++;
        }
        StringBuilder text = new();
        Permutation order = new(shards.Documents, seed);
        for (long i = 0; i < Math.Min(SampleDocuments, shards.Documents); i++)
        {
            (TokenShard shard, long document) = shards.Locate(order[i]);
            long start = shard.Start(document) + shards.PrefixTokens;
            long length = shard.End(document) - start - 1;
            int[] tokens = new int[Math.Min(length, SampleTokensPerDocument)];
            shard.Read(start, tokens);
            text.Append(decode?.Invoke(tokens) ?? string.Join(' ', tokens.Select(t => t.ToString(CultureInfo.InvariantCulture))));
            if (length > tokens.Length) text.Append(" […]");
            text.Append(Boundary);
        }
        return new DataReport
        {
            Source = string.Join(", ", source.Paths),
            Files = paths.Count,
            Documents = shards.Documents,
            ValidationDocuments = heldOut,
            Bytes = shards.TextBytes,
            Tokens = shards.Tokens,
            Lengths = lengths.Bars(),
            Sample = text.ToString(),
        };
    }

    static string Excerpt(ReadOnlySpan<byte> text)
    {
        if (text.Length <= SampleBytesPerDocument) return Encoding.UTF8.GetString(text);
        int end = SampleBytesPerDocument;
        while (end > 0 && (text[end] & 0xC0) == 0x80) end--; // Not inside a character.
        return Encoding.UTF8.GetString(text[..end]) + " […]";
    }

    /// <summary>Counts lengths in bars up to 1, 2, 4, … tokens.</summary>
    sealed class Histogram
    {
        readonly long[] counts = new long[64];

        public long Total { get; private set; }

        public void Add(long length)
        {
            Total += length;
            counts[length <= 1 ? 0 : 64 - BitOperations.LeadingZeroCount((ulong)length - 1)]++;
        }

        public List<LengthBar> Bars()
        {
            int first = Array.FindIndex(counts, count => count > 0);
            int last = Array.FindLastIndex(counts, count => count > 0);
            return first < 0 ? [] : [.. Enumerable.Range(first, last - first + 1).Select(bits => new LengthBar(1L << bits, counts[bits]))];
        }
    }
}
