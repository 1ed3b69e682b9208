using Litespark.Data.Shards;

namespace Litespark.Data;

/// <summary>One of several sources that are mixed: an entry of <c>data.sources</c>.</summary>
public sealed record DataSourceOptions
{
    /// <summary><c>source</c>: what the paths hold; by default <c>files</c>.</summary>
    public DataSourceKind Source { get; init; } = DataSourceKind.Files;

    /// <summary><c>path</c>: files, folders (read recursively) or globs (<c>*</c>, <c>?</c>, <c>**</c>).</summary>
    public IReadOnlyList<string> Paths { get; init; } = [];

    /// <summary><c>weight</c>: this source's share of the training tokens, relative to the other weights; above 0.</summary>
    public double Weight { get; init; } = 1;
}

/// <summary>The recipe's <c>data</c> section.</summary>
public sealed record DataOptions
{
    /// <summary>
    /// <c>source</c>: what is trained on. By default <c>shards</c> where <see cref="Train"/> names <c>.tokens</c> files,
    /// <c>files</c> where it names others, and <c>dotnet-docs</c> where it is not given.
    /// </summary>
    public DataSourceKind? Source { get; init; }

    /// <summary><c>train</c>: the files, folders or globs of a single source.</summary>
    public IReadOnlyList<string> Train { get; init; } = [];

    /// <summary><c>sources</c>: several sources mixed by weight, in place of <see cref="Source"/> and <see cref="Train"/>.</summary>
    public IReadOnlyList<DataSourceOptions> Sources { get; init; } = [];

    /// <summary>
    /// <c>validation</c>: files, folders or globs of the same kind as the training data, used for evaluation only.
    /// Where none are given, <see cref="ValidationFraction"/> of the training documents is held out.
    /// </summary>
    public IReadOnlyList<string> Validation { get; init; } = [];

    /// <summary><c>validation_fraction</c>: the share of documents held out, 0 to 0.5, chosen by a hash of their content.</summary>
    public double ValidationFraction { get; init; } = 0.01;

    /// <summary><c>text_field</c>: the key of JSON Lines objects that holds the text.</summary>
    public string TextField { get; init; } = "text";

    /// <summary><c>max_bad_lines</c>: broken JSON lines skipped (and counted) per source before it is an error.</summary>
    public int MaxBadLines { get; init; } = 100;

    /// <summary>
    /// <c>document_mask</c>: tokens attend only to their own document and the token from which its first one is predicted:
    /// the beginning-of-text token where the tokenizer puts one, else the end-of-text token before it. <c>false</c>: the
    /// packed stream is one text.
    /// </summary>
    public bool DocumentMask { get; init; } = true;

    /// <summary><c>shuffle</c>: documents in a new random order every epoch; <c>false</c>: as they stand in the corpus.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary><c>cache_dir</c>: where tokenised corpora are kept for the next run.</summary>
    public string CacheDir { get; init; } = ".cache";

    /// <summary><c>shard_tokens</c>: the size at which a token shard is closed and the next begins.</summary>
    public long ShardTokens { get; init; } = 100_000_000;

    /// <summary><c>verify_shards</c>: checksums are verified when shards are opened (reads each of them once).</summary>
    public bool VerifyShards { get; init; } = true;

    /// <summary><c>synthetic_document_tokens</c>: length of synthetic documents; 0 = one endless document.</summary>
    public int SyntheticDocumentTokens { get; init; }

    /// <summary>The training sources these options name, one or several, checked.</summary>
    /// <exception cref="UserErrorException">The options contradict each other or are out of range.</exception>
    internal IReadOnlyList<DataSourceOptions> ResolveSources()
    {
        if (ValidationFraction is not (>= 0 and <= 0.5))
            throw new UserErrorException($"data.validation_fraction is {ValidationFraction}: it must be between 0 and 0.5.");
        if (MaxBadLines < 0) throw new UserErrorException($"data.max_bad_lines is {MaxBadLines}: it must be 0 or more.");
        if (ShardTokens < 1) throw new UserErrorException($"data.shard_tokens is {ShardTokens}: it must be 1 or more.");
        if (SyntheticDocumentTokens is < 0 or 1)
            throw new UserErrorException($"data.synthetic_document_tokens is {SyntheticDocumentTokens}: it must be 0 (endless) or 2 or more.");
        if (TextField.Length == 0) throw new UserErrorException("data.text_field is empty: give the key that holds the text.");
        if (Sources.Count > 0 && (Source is not null || Train.Count > 0))
            throw new UserErrorException("data.sources replaces data.source and data.train: give the one or the others.");

        DataSourceOptions single = new()
        {
            Source = EffectiveSource,
            Paths = Train,
        };
        IReadOnlyList<DataSourceOptions> sources = Sources.Count > 0 ? Sources : [single];
        for (int i = 0; i < sources.Count; i++) Check(sources[i], Sources.Count > 0 ? $"data.sources[{i}]" : "data");
        return sources;
    }

    /// <summary>What a single source is, as set or as its paths say.</summary>
    internal DataSourceKind EffectiveSource => Source ?? (Train.Count == 0 ? DataSourceKind.DotNetDocs
        : Train.All(path => path.EndsWith(ShardHeader.Extension, StringComparison.OrdinalIgnoreCase)) ? DataSourceKind.Shards
        : DataSourceKind.Files);

    void Check(DataSourceOptions source, string key)
    {
        string pathsKey = Sources.Count > 0 ? $"{key}.path" : "data.train";
        string kind = DataSourceKinds.ToName(source.Source);
        bool needsPaths = source.Source is DataSourceKind.Files or DataSourceKind.Shards;
        if (needsPaths && source.Paths.Count == 0)
            throw new UserErrorException($"{pathsKey} is missing: source '{kind}' needs files, folders or globs.");
        if (!needsPaths && source.Paths.Count > 0)
            throw new UserErrorException($"{pathsKey} is given, but source '{kind}' takes no paths; use source: files (or shards).");
        if (!(source.Weight > 0 && double.IsFinite(source.Weight)))
            throw new UserErrorException($"{key}.weight is {source.Weight}: it must be above 0.");
    }
}
