using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.DataSection>;

namespace Litespark.Recipes;

/// <summary>Where the tokens come from.</summary>
public enum DataSource
{
    /// <summary>The English API documentation that every .NET SDK carries.</summary>
    DotnetDocs,

    /// <summary>Text files: .txt, .md, .xml, .jsonl, .jsonl.gz, .jsonl.zst.</summary>
    Files,

    /// <summary>Token shards that <c>litespark data prepare</c> wrote.</summary>
    Shards,

    /// <summary>Random tokens, for benchmarks and tests.</summary>
    Synthetic,
}

/// <summary>One of several sources that are mixed by weight.</summary>
public sealed record WeightedSource
{
    /// <summary>Files, folders or globs.</summary>
    public IReadOnlyList<string> Path { get; init; } = [];

    /// <summary>What the paths hold.</summary>
    public DataSource Source { get; init; } = DataSource.Files;

    /// <summary>Share of the tokens drawn from it, relative to the other weights.</summary>
    public double Weight { get; init; } = 1;

    internal static readonly ValueKind<WeightedSource> Kind = new ObjectKind<WeightedSource>(new WeightedSource(),
        new Key<WeightedSource, IReadOnlyList<string>>("path", Kinds.ListOf(Kinds.Text), s => s.Path, (s, v) => s with { Path = v }, "Files, folders or globs."),
        new Key<WeightedSource, DataSource>("source", DataSection.SourceKind, s => s.Source, (s, v) => s with { Source = v }, "What the paths hold."),
        new Key<WeightedSource, double>("weight", Kinds.Positive(), s => s.Weight, (s, v) => s with { Weight = v }, "Share of the tokens, relative to the other weights."));
}

/// <summary>The recipe's <c>data</c> section.</summary>
public sealed record DataSection
{
    /// <summary>Where the tokens come from; null = see <see cref="EffectiveSource"/>.</summary>
    public DataSource? Source { get; init; }

    /// <summary>Where the tokens come from when <see cref="Sources"/> is empty: as set, else files where paths are given, else the SDK's documentation.</summary>
    public DataSource EffectiveSource => Source ?? (Train.Count > 0 ? DataSource.Files : DataSource.DotnetDocs);

    /// <summary>Files, folders or globs of training data.</summary>
    public IReadOnlyList<string> Train { get; init; } = [];

    /// <summary>Training data mixed by weight, instead of <see cref="Train"/>.</summary>
    public IReadOnlyList<WeightedSource> Sources { get; init; } = [];

    /// <summary>Files, folders or globs of validation data; empty = a part of the training documents.</summary>
    public IReadOnlyList<string> Validation { get; init; } = [];

    /// <summary>Share of the training documents held out for validation where <see cref="Validation"/> is empty.</summary>
    public double ValidationFraction { get; init; } = 0.01;

    /// <summary>Field of a JSON line that holds the text.</summary>
    public string TextField { get; init; } = "text";

    /// <summary>Broken JSON lines that are skipped and counted before the run stops.</summary>
    public int MaxBadLines { get; init; } = 100;

    /// <summary>Whether attention stays within a document and positions restart with it.</summary>
    public bool DocumentMask { get; init; } = true;

    /// <summary>Whether documents are drawn in a random order, by <c>training.seed</c>.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Folder for prepared tokens and trained tokenizers.</summary>
    public string CacheDir { get; init; } = ".cache";

    /// <summary>Tokens at which a prepared shard is closed and the next begins.</summary>
    public long ShardTokens { get; init; } = 100_000_000;

    /// <summary>Whether checksums of shards are verified when they are opened.</summary>
    public bool VerifyShards { get; init; } = true;

    /// <summary>Length of synthetic documents in tokens; 0 = one endless document.</summary>
    public int SyntheticDocumentTokens { get; init; }

    internal static ValueKind<DataSource> SourceKind => Kinds.Choice(
        ("dotnet-docs", DataSource.DotnetDocs), ("files", DataSource.Files), ("shards", DataSource.Shards), ("synthetic", DataSource.Synthetic));

    internal static readonly Definition<DataSection>[] Definitions =
    [
        Key("source", Kinds.Optional(SourceKind), s => s.Source, (s, v) => s with { Source = v },
            "dotnet-docs: the API documentation inside the installed .NET SDK; files: text (.txt, .md, .xml, .jsonl, .jsonl.gz, .jsonl.zst); shards: tokens from 'litespark data prepare'; synthetic: random tokens. null = files where train is given, else dotnet-docs."),
        Key("train", Kinds.ListOf(Kinds.Text), s => s.Train, (s, v) => s with { Train = v },
            "Files, folders or globs of training data, from the current folder; for files and shards."),
        Key("sources", Kinds.ListOf(WeightedSource.Kind), s => s.Sources, (s, v) => s with { Sources = v },
            "Instead of source and train: several sources mixed by weight, as in [{path: books/*.txt, weight: 2}, {source: dotnet-docs, weight: 1}]."),
        Key("validation", Kinds.ListOf(Kinds.Text), s => s.Validation, (s, v) => s with { Validation = v },
            "Files, folders or globs of validation data; empty = validation_fraction of the training documents."),
        Key("validation_fraction", Kinds.Number(0, 0.5), s => s.ValidationFraction, (s, v) => s with { ValidationFraction = v },
            "Share of the documents held out for validation where validation is empty."),
        Key("text_field", Kinds.Text, s => s.TextField, (s, v) => s with { TextField = v },
            "Field of a JSON line that holds the text."),
        Key("max_bad_lines", Kinds.Integer(0), s => s.MaxBadLines, (s, v) => s with { MaxBadLines = v },
            "Broken JSON lines that are skipped, counted and named before the run stops."),
        Key("document_mask", Kinds.Boolean, s => s.DocumentMask, (s, v) => s with { DocumentMask = v },
            "Attention stays within a document and positions restart with it."),
        Key("shuffle", Kinds.Boolean, s => s.Shuffle, (s, v) => s with { Shuffle = v },
            "Draw documents in a random order, the same for the same training.seed."),
        Key("cache_dir", Kinds.Text, s => s.CacheDir, (s, v) => s with { CacheDir = v },
            "Folder for prepared tokens and trained tokenizers, from the current folder."),
        Key("shard_tokens", Kinds.Long(1), s => s.ShardTokens, (s, v) => s with { ShardTokens = v },
            "Tokens at which a prepared shard is closed and the next begins."),
        Key("verify_shards", Kinds.Boolean, s => s.VerifyShards, (s, v) => s with { VerifyShards = v },
            "Verify the checksums of shards when they are opened, which reads each of them once."),
        Key("synthetic_document_tokens", Kinds.Integer(0), s => s.SyntheticDocumentTokens, (s, v) => s with { SyntheticDocumentTokens = v },
            "Length of synthetic documents in tokens; 0 = one endless document."),
    ];
}
