using Litespark.Data;
using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Data.DataOptions>;

namespace Litespark.Recipes;

/// <summary>The keys of the recipe's <c>data</c> section, which fill in <see cref="DataOptions"/>.</summary>
internal static class DataSection
{
    public static ValueKind<DataSourceKind> SourceKind { get; } = Kinds.Choice([.. DataSourceKinds.Names.Select(name => (name, DataSourceKinds.Parse(name)))]);

    static ValueKind<DataSourceOptions> MixedSource { get; } = new ObjectKind<DataSourceOptions>(new DataSourceOptions(),
        new Key<DataSourceOptions, IReadOnlyList<string>>("path", Kinds.ListOf(Kinds.Text), s => s.Paths, (s, v) => s with { Paths = v }, "Files, folders or globs."),
        new Key<DataSourceOptions, DataSourceKind>("source", SourceKind, s => s.Source, (s, v) => s with { Source = v }, "What the paths hold."),
        new Key<DataSourceOptions, double>("weight", Kinds.Positive(), s => s.Weight, (s, v) => s with { Weight = v }, "Share of the tokens, relative to the other weights."));

    public static readonly Definition<DataOptions>[] Definitions =
    [
        Key("source", Kinds.Optional(SourceKind), s => s.Source, (s, v) => s with { Source = v },
            "dotnet-docs: the API documentation inside the installed .NET SDK; files: text (.txt, .md, .xml, .jsonl, .jsonl.gz, .jsonl.zst); shards: tokens from 'litespark data prepare'; synthetic: random tokens. null = files where train is given, else dotnet-docs."),
        Key("train", Kinds.ListOf(Kinds.Text), s => s.Train, (s, v) => s with { Train = v },
            "Files, folders or globs of training data, from the current folder; for files and shards."),
        Key("sources", Kinds.ListOf(MixedSource), s => s.Sources, (s, v) => s with { Sources = v },
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
