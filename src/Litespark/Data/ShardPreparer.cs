using Litespark.Data.Shards;
using Litespark.Data.Sources;
using Litespark.Tokenization;

namespace Litespark.Data;

/// <summary>Tokenises text into shards: <c>data prepare</c>, and the cache behind a training run on text.</summary>
public static class ShardPreparer
{
    /// <summary>Tokens between two calls of the progress callback.</summary>
    const long ReportEvery = 200_000;

    /// <summary>
    /// Tokenises every source of <paramref name="options"/> into <paramref name="folder"/>: one source straight into it,
    /// several each into a folder <c>source-0</c>, <c>source-1</c>, …; separate validation text into
    /// <c>validation-*.tokens</c>. Training then needs only <c>data.source: shards</c>, <c>data.train: [FOLDER]</c>.
    /// </summary>
    /// <param name="options">What to read.</param>
    /// <param name="encoder">The tokenizer.</param>
    /// <param name="folder">Where the shards go; made if absent, must hold no shards yet.</param>
    /// <param name="threads">Threads that tokenise; the result is the same for any number.</param>
    /// <param name="progress">Called now and then from the calling thread.</param>
    /// <param name="cancellation">Stops between documents; nothing half-made is left.</param>
    /// <returns>The counts, one entry per source.</returns>
    /// <exception cref="UserErrorException">Bad input, or the folder holds shards or cannot be written.</exception>
    public static IReadOnlyList<PreparedCorpus> Prepare(
        DataOptions options, ITextEncoder encoder, string folder, int threads, Action<DataProgress>? progress = null, CancellationToken cancellation = default)
    {
        IReadOnlyList<DataSourceOptions> sources = options.ResolveSources();
        if (sources.FirstOrDefault(s => s.Source is DataSourceKind.Shards or DataSourceKind.Synthetic) is { } odd)
            throw new UserErrorException($"Only text can be prepared, not source '{DataSourceKinds.ToName(odd.Source)}'; use files or dotnet-docs.");
        if (Directory.Exists(folder) && Directory.EnumerateFiles(folder, "*" + ShardHeader.Extension, SearchOption.AllDirectories).Any())
            throw new UserErrorException($"{folder}: holds token shards already; give another folder, or delete them first.");
        // A wrong path is to be told before hours of work, not after them.
        if (options.Validation.Count > 0) SourceFiles.Find(options.Validation, SourceFiles.TextExtensions);

        double fraction = options.Validation.Count > 0 ? 0 : options.ValidationFraction;
        List<PreparedCorpus> prepared = [];
        for (int i = 0; i < sources.Count; i++)
        {
            string target = sources.Count == 1 ? folder : Path.Combine(folder, $"source-{i}");
            prepared.Add(PrepareSource(sources[i], options, fraction, encoder, target, threads, progress, cancellation));
        }
        if (options.Validation.Count > 0)
        {
            DataSourceOptions validation = new() { Paths = options.Validation };
            string target = sources.Count == 1 ? folder : Path.Combine(folder, ShardFolder.Validation);
            PreparedCorpus heldOut = PrepareSource(validation, options, 1, encoder, target, threads, progress, cancellation, writeReport: sources.Count > 1);
            if (sources.Count > 1) prepared.Add(heldOut);
            else prepared[0] = WriteReport(folder, prepared[0] with { ValidationTokens = heldOut.ValidationTokens, ValidationDocuments = heldOut.Documents });
        }
        return prepared;
    }

    /// <summary>Tokenises one text source; <paramref name="fraction"/> 1 = all of it is held out.</summary>
    internal static PreparedCorpus PrepareSource(
        DataSourceOptions source, DataOptions options, double fraction, ITextEncoder encoder, string folder, int threads,
        Action<DataProgress>? progress, CancellationToken cancellation, bool writeReport = true)
    {
        CorpusReader reader = new(source, options);
        CorpusSplit split = new(fraction);
        try
        {
            Directory.CreateDirectory(folder);
            PreparedCorpus? prepared = Write(reader, split, options, encoder, folder, threads, progress, cancellation);
            if (prepared is null)
            {
                // A corpus of few documents: the fraction held out none, so hold out the one that comes next.
                split = split.HoldOutSmallest();
                reader = new CorpusReader(source, options);
                prepared = Write(reader, split, options, encoder, folder, threads, progress, cancellation);
            }
            if (prepared is null)
            {
                long documents = reader.Statistics.Documents;
                string reason = documents > 1 ? $"its {documents} documents are all the same, or parts of one, and what is the same is not divided" : $"it holds {documents} document(s)";
                throw new UserErrorException(
                    $"{reader.Name}: {reason}: there is not one to train on and one to hold out; give data.validation, or set data.validation_fraction to 0.");
            }
            return writeReport ? WriteReport(folder, prepared) : prepared;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{folder}: the token shards cannot be written: {e.Message} Free some space there, or give another folder.", e);
        }
    }

    /// <summary>One pass over the text. Null, with nothing left behind, where the split left one side empty.</summary>
    static PreparedCorpus? Write(
        CorpusReader reader, CorpusSplit split, DataOptions options, ITextEncoder encoder, string folder, int threads,
        Action<DataProgress>? progress, CancellationToken cancellation)
    {
        using ShardSetWriter train = new(folder, ShardFolder.Train, encoder, options.ShardTokens);
        using ShardSetWriter validation = new(folder, ShardFolder.Validation, encoder, options.ShardTokens);
        try
        {
            long reported = 0;
            foreach (TokenizedDocument document in ParallelTokenizer.Run(reader.Read(), encoder, threads, cancellation))
            {
                ShardSetWriter writer = split.IsHeldOut(document.Hash) ? validation : train;
                writer.Add(document.Tokens, document.Document.Text.Length);
                long tokens = train.Tokens + validation.Tokens;
                if (progress is null || tokens < reported + ReportEvery) continue;
                reported = tokens;
                Report();
            }
            if (split.Fraction is > 0 and < 1 && (validation.Documents == 0 || train.Documents == 0))
            {
                train.Discard();
                validation.Discard();
                return null;
            }
            train.Complete();
            validation.Complete();
            Report();
        }
        catch
        {
            train.Discard();
            validation.Discard();
            throw;
        }
        return new PreparedCorpus
        {
            Files = reader.Statistics.Files,
            Documents = reader.Statistics.Documents,
            Bytes = reader.Statistics.Bytes,
            TrainTokens = train.Tokens,
            ValidationTokens = validation.Tokens,
            ValidationDocuments = validation.Documents,
            BadLines = reader.Statistics.BadLines,
            FirstBadLine = reader.Statistics.BadLineExamples is [string first, ..] ? first : null,
            EmptyDocuments = reader.Statistics.EmptyDocuments,
            InvalidUtf8Documents = reader.Statistics.InvalidUtf8Documents,
        };

        void Report() => progress?.Invoke(new DataProgress(
            reader.Name, Math.Min(1, reader.Statistics.StoredBytesRead / Math.Max(1.0, reader.StoredBytes)),
            train.Documents + validation.Documents, train.TextBytes + validation.TextBytes, train.Tokens + validation.Tokens));
    }

    static PreparedCorpus WriteReport(string folder, PreparedCorpus prepared)
    {
        File.WriteAllText(Path.Combine(folder, ShardFolder.Report), prepared.ToJson() + "\n");
        return prepared;
    }
}
