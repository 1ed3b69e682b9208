using Litespark.Data.Loading;
using Litespark.Data.Shards;
using Litespark.Data.Sources;
using Litespark.Tokenization;

namespace Litespark.Data;

/// <summary>
/// A recipe's data, ready to train on: text is tokenised once into memory-mapped shards (kept in the cache folder for the
/// next run), prepared shards are opened as they are. Loaders made here must be disposed before it.
/// </summary>
public sealed class DataPipeline : IDisposable
{
    const long LargestSyntheticValidation = 1 << 16;

    readonly DataOptions options;
    readonly long seed;
    readonly int vocabSize;
    readonly int endOfTextId;
    readonly List<Source> sources = [];
    readonly List<TokenShards> opened = [];
    readonly List<PreparedCorpus> prepared = [];
    readonly List<(TokenShards Shards, double Weight)> validation = [];

    DataPipeline(DataOptions options, int vocabSize, int endOfTextId, long seed)
    {
        this.options = options;
        this.vocabSize = vocabSize;
        this.endOfTextId = endOfTextId;
        this.seed = seed;
    }

    /// <summary>What was counted in each text source, the separate validation text last; empty for shards and synthetic tokens.</summary>
    public IReadOnlyList<PreparedCorpus> Prepared => prepared;

    /// <summary>Tokens of one epoch over all sources, prefixes and end-of-text included; null with synthetic tokens, which have no end.</summary>
    public long? TrainTokens => sources.All(s => s.Shards is not null) ? sources.Sum(s => s.Shards!.Tokens) : null;

    /// <summary>Whether anything is held out: <see cref="CreateValidation"/> then has something to give.</summary>
    public bool HasValidation => validation.Count > 0 || HasSyntheticValidation;

    /// <summary>Identifies the training data: part of a checkpoint's <see cref="LoaderState"/>.</summary>
    public string Identity => string.Join('+', sources.Select(s => s.Shards is { } shards ? shards.Identity + (options.Shuffle ? "" : " in order") : $"synthetic {options.SyntheticDocumentTokens}"));

    bool HasSyntheticValidation => options.ValidationFraction > 0 && sources.Any(s => s.Shards is null);

    /// <summary>Opens the data that <paramref name="options"/> name, tokenising text that is not in the cache.</summary>
    /// <param name="options">The recipe's data section.</param>
    /// <param name="encoder">The tokenizer.</param>
    /// <param name="seed">The seed of all shuffling: <c>training.seed</c>.</param>
    /// <param name="threads">Threads that tokenise; the result is the same for any number.</param>
    /// <param name="progress">Called now and then while text is tokenised, from the calling thread.</param>
    /// <param name="cancellation">Stops tokenising between documents; nothing half-made is left.</param>
    /// <exception cref="UserErrorException">Nothing to train on, broken files, shards of another tokenizer, …</exception>
    public static DataPipeline Open(
        DataOptions options, ITextEncoder encoder, long seed, int threads, Action<DataProgress>? progress = null, CancellationToken cancellation = default)
    {
        DataPipeline pipeline = new(options, encoder.VocabSize, encoder.EndOfTextId, seed);
        try
        {
            IReadOnlyList<DataSourceOptions> sources = options.ResolveSources();
            List<string> validation = options.Validation.Count == 0 ? [] : SourceFiles.Find(options.Validation, [.. SourceFiles.TextExtensions, ShardHeader.Extension]);
            foreach (DataSourceOptions source in sources) pipeline.AddSource(source, encoder, threads, progress, cancellation);
            if (validation.Count > 0) pipeline.AddValidation(validation, encoder, threads, progress, cancellation);
            return pipeline;
        }
        catch
        {
            pipeline.Dispose();
            throw;
        }
    }

    /// <summary>Random tokens below <paramref name="vocabSize"/>, without any tokenizer.</summary>
    /// <param name="vocabSize">One more than the largest token.</param>
    /// <param name="seed">Of the tokens.</param>
    /// <param name="options">Document length, document mask, validation; the sources are not read.</param>
    public static DataPipeline Synthetic(int vocabSize, long seed, DataOptions? options = null)
    {
        DataPipeline pipeline = new(options ?? new DataOptions(), vocabSize, 0, seed);
        pipeline.sources.Add(new Source(null, 1));
        return pipeline;
    }

    /// <summary>Starts loading training steps of <paramref name="microBatchCount"/> × <paramref name="microBatchSize"/> rows.</summary>
    /// <param name="sequenceLength">Tokens per row.</param>
    /// <param name="microBatchSize">Rows per micro-batch.</param>
    /// <param name="microBatchCount">Micro-batches per step: gradient accumulation.</param>
    /// <param name="resumeFrom">A state of the same data, or null for the beginning.</param>
    /// <exception cref="UserErrorException">The state is one of other data or of another seed.</exception>
    public BatchLoader CreateLoader(int sequenceLength, int microBatchSize, int microBatchCount, LoaderState? resumeFrom = null) => new(
        [.. sources.Select((source, index) => CreateSource(source.Shards, SplitMix.At((ulong)seed, (ulong)index)))],
        [.. sources.Select(source => source.Weight)],
        seed, Identity, sequenceLength, microBatchSize, microBatchCount, options.DocumentMask, resumeFrom);

    /// <summary>
    /// The held-out text, up to <paramref name="maxTokens"/> tokens (shared among several sources by weight), or null if
    /// none is held out.
    /// </summary>
    public ValidationLoader? CreateValidation(int sequenceLength, int rows, long maxTokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxTokens, 1);
        List<ValidationLoader.Part> parts = [];
        double weights = validation.Sum(v => v.Weight);
        foreach ((TokenShards shards, double weight) in validation)
            parts.Add(ValidationLoader.Part.Of(shards, Math.Max(1, (long)(maxTokens * (weight / weights)))));
        if (parts.Count == 0 && HasSyntheticValidation)
        {
            long tokens = Math.Min(maxTokens, LargestSyntheticValidation);
            parts.Add(new ValidationLoader.Part(CreateSource(null, ~(ulong)seed), tokens, tokens, null));
        }
        return parts.Count == 0 ? null : new ValidationLoader([.. parts], sequenceLength, rows, options.DocumentMask, endOfTextId);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (TokenShards shards in opened) shards.Dispose();
        opened.Clear();
    }

    ITokenSource CreateSource(TokenShards? shards, ulong sourceSeed) => shards is null
        ? new SyntheticTokenSource(vocabSize, sourceSeed, options.SyntheticDocumentTokens)
        : new ShardTokenSource(shards, sourceSeed, options.Shuffle);

    void AddSource(DataSourceOptions source, ITextEncoder encoder, int threads, Action<DataProgress>? progress, CancellationToken cancellation)
    {
        if (source.Source == DataSourceKind.Synthetic)
        {
            sources.Add(new Source(null, source.Weight));
            return;
        }
        double fraction = options.Validation.Count > 0 ? 0 : options.ValidationFraction;
        List<string> paths;
        if (source.Source == DataSourceKind.Shards)
        {
            paths = SourceFiles.Find(source.Paths, [ShardHeader.Extension]);
            if (fraction > 0 && !paths.Exists(ShardFolder.IsValidation))
                throw new UserErrorException(
                    $"{string.Join(", ", source.Paths)}: holds no validation-*.tokens, and whole shards are not split; name some with data.validation, " +
                    "or set data.validation_fraction to 0 to train without evaluation.");
        }
        else
        {
            (PreparedCorpus counts, paths) = ShardCache.GetOrPrepare(source, options, fraction, encoder, threads, progress, cancellation);
            prepared.Add(counts);
        }
        List<string> train = paths.FindAll(path => !ShardFolder.IsValidation(path));
        if (train.Count == 0) throw new UserErrorException($"{string.Join(", ", source.Paths)}: holds validation shards only; name the shards to train on.");
        sources.Add(new Source(OpenShards(train, encoder), source.Weight));
        List<string> heldOut = paths.FindAll(ShardFolder.IsValidation);
        if (fraction > 0 && heldOut.Count > 0) validation.Add((OpenShards(heldOut, encoder), source.Weight));
    }

    void AddValidation(List<string> files, ITextEncoder encoder, int threads, Action<DataProgress>? progress, CancellationToken cancellation)
    {
        List<string> shards = files.FindAll(file => file.EndsWith(ShardHeader.Extension, StringComparison.OrdinalIgnoreCase));
        List<string> text = files.FindAll(file => !shards.Contains(file));
        if (text.Count > 0)
        {
            (PreparedCorpus counts, List<string> made) = ShardCache.GetOrPrepare(
                new DataSourceOptions { Paths = text }, options, 1, encoder, threads, progress, cancellation);
            prepared.Add(counts);
            shards.AddRange(made);
        }
        validation.Add((OpenShards(shards, encoder), 1));
    }

    TokenShards OpenShards(List<string> paths, ITextEncoder encoder)
    {
        TokenShards shards = TokenShards.Open(paths, encoder, options.VerifyShards);
        opened.Add(shards);
        return shards;
    }

    /// <summary>A training source; without shards it is synthetic.</summary>
    sealed record Source(TokenShards? Shards, double Weight);
}
