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
    /// <summary>File, folder or glob.</summary>
    public string Path { get; init; } = "";

    /// <summary>Share of the tokens drawn from it, relative to the other weights.</summary>
    public double Weight { get; init; } = 1;

    internal static readonly ValueKind<WeightedSource> Kind = new ObjectKind<WeightedSource>(new WeightedSource(),
        new Key<WeightedSource, string>("path", Kinds.Text, s => s.Path, (s, v) => s with { Path = v }, "File, folder or glob."),
        new Key<WeightedSource, double>("weight", Kinds.Positive(), s => s.Weight, (s, v) => s with { Weight = v }, "Share of the tokens, relative to the other weights."));
}

/// <summary>The recipe's <c>data</c> section.</summary>
public sealed record DataSection
{
    /// <summary>Where the tokens come from.</summary>
    public DataSource Source { get; init; } = DataSource.DotnetDocs;

    /// <summary>Files, folders or globs of training data.</summary>
    public IReadOnlyList<string> Train { get; init; } = [];

    /// <summary>Training data mixed by weight, instead of <see cref="Train"/>.</summary>
    public IReadOnlyList<WeightedSource> Sources { get; init; } = [];

    /// <summary>Files, folders or globs of validation data; empty = a part of the training documents.</summary>
    public IReadOnlyList<string> Validation { get; init; } = [];

    /// <summary>Share of the training documents held out for validation where <see cref="Validation"/> is empty.</summary>
    public double ValidationFraction { get; init; } = 0.02;

    /// <summary>Field of a JSON line that holds the text.</summary>
    public string TextField { get; init; } = "text";

    /// <summary>Broken JSON lines that are skipped and counted before the run stops.</summary>
    public int MaxBadLines { get; init; } = 100;

    /// <summary>Whether attention stays within a document and positions restart with it.</summary>
    public bool DocumentMask { get; init; } = true;

    /// <summary>Whether documents are drawn in a random order, by <c>training.seed</c>.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Folder for prepared tokens and trained tokenizers; null = the user's cache folder.</summary>
    public string? CacheDir { get; init; }

    internal static readonly Definition<DataSection>[] Definitions =
    [
        Key("source", Kinds.Choice(("dotnet-docs", DataSource.DotnetDocs), ("files", DataSource.Files), ("shards", DataSource.Shards), ("synthetic", DataSource.Synthetic)),
            s => s.Source, (s, v) => s with { Source = v },
            "dotnet-docs: the API documentation inside the installed .NET SDK; files: text (.txt, .md, .xml, .jsonl, .jsonl.gz, .jsonl.zst); shards: tokens from 'litespark data prepare'; synthetic: random tokens."),
        Key("train", Kinds.ListOf(Kinds.Text), s => s.Train, (s, v) => s with { Train = v },
            "Files, folders or globs of training data, from the current folder; for files and shards."),
        Key("sources", Kinds.ListOf(WeightedSource.Kind), s => s.Sources, (s, v) => s with { Sources = v },
            "Instead of train: several sources mixed by weight, as in [{path: books/*.txt, weight: 2}, {path: web/*.jsonl.zst, weight: 1}]."),
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
        Key("cache_dir", Kinds.OptionalText, s => s.CacheDir, (s, v) => s with { CacheDir = v },
            "Folder for prepared tokens and trained tokenizers; null = litespark in the user's cache folder."),
    ];
}
