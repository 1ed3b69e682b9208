using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.SparsitySection>;

namespace Litespark.Recipes;

/// <summary>Which keys a query sees, besides those that the causal mask and the documents hide.</summary>
public enum AttentionPatternChoice
{
    /// <summary>All of them.</summary>
    Dense,

    /// <summary>The last <see cref="SparseAttentionSection.Window"/> positions.</summary>
    Local,

    /// <summary>Every <see cref="SparseAttentionSection.Stride"/>-th position before the query.</summary>
    Strided,

    /// <summary>Both.</summary>
    LocalStrided,

    /// <summary>The query's own segment of <see cref="SparseAttentionSection.Stride"/> positions and the last position of each segment before it.</summary>
    Fixed,
}

/// <summary>
/// The <c>attention_*</c> keys of the recipe's <c>sparsity</c> section: attention that is sparse for a part of the run and dense otherwise
/// ("hybrid", Hu et al. 2024), in the patterns of Sparse Transformers (Child et al. 2019).
/// </summary>
public sealed record SparseAttentionSection
{
    /// <summary>Which keys a query sees.</summary>
    public AttentionPatternChoice Pattern { get; init; } = AttentionPatternChoice.Dense;

    /// <summary>Positions of the local part, the query's own included.</summary>
    public int Window { get; init; } = 128;

    /// <summary>Distance of the strided part, length of the fixed pattern's segments.</summary>
    public int Stride { get; init; } = 128;

    /// <summary>Positions along both sides of a block that the pattern shows or hides as a whole; 1 = single positions.</summary>
    public int Block { get; init; } = 64;

    /// <summary>First sparse step; null = with the phase of full sparsity, or the run's first.</summary>
    public StepOrShare? FromStep { get; init; }

    /// <summary>Last sparse step; null = with the phase of full sparsity, or the run's last.</summary>
    public StepOrShare? UntilStep { get; init; }

    /// <summary>Layers that the pattern applies to, counted from 0; empty = all.</summary>
    public IReadOnlyList<int> Layers { get; init; } = [];

    /// <summary>Query heads that it applies to, counted from 0; empty = all.</summary>
    public IReadOnlyList<int> Heads { get; init; } = [];

    /// <summary>A tile whose weights are all certain to be under this share of the larger of the query's own and its first key's is skipped; 0 = none is.</summary>
    public double SkipThreshold { get; init; }

    internal static readonly Definition<SparsitySection>[] Definitions =
    [
        Of("attention_pattern", Kinds.Choice(("dense", AttentionPatternChoice.Dense), ("local", AttentionPatternChoice.Local), ("strided", AttentionPatternChoice.Strided),
                ("local_strided", AttentionPatternChoice.LocalStrided), ("fixed", AttentionPatternChoice.Fixed)),
            a => a.Pattern, (a, v) => a with { Pattern = v },
            "Keys that a query sees (with method: none too): dense (all before it), local (the last attention_window), strided (every attention_stride-th), local_strided (both), fixed (its own segment of attention_stride and the end of each before)."),
        Of("attention_window", Kinds.Integer(1), a => a.Window, (a, v) => a with { Window = v },
            "Positions of the local part, the query's own included."),
        Of("attention_stride", Kinds.Integer(1), a => a.Stride, (a, v) => a with { Stride = v },
            "Distance of the strided part in positions; length of the fixed pattern's segments."),
        Of("attention_block", Kinds.Integer(1, 1024), a => a.Block, (a, v) => a with { Block = v },
            "Granularity of the pattern: it holds for blocks of this many queries and keys, window and stride rounded up to whole blocks; kernels leave out tiles without any visible pair. 1 = single positions, as published: strided keys then cost far more time than their share."),
        Of("attention_from_step", Kinds.Optional(new StepOrShareKind()), a => a.FromStep, (a, v) => a with { FromStep = v },
            "First step with the pattern, or below 1 its share of training.max_steps; null = the first step at full sparsity, or without phases the run's first."),
        Of("attention_until_step", Kinds.Optional(new StepOrShareKind()), a => a.UntilStep, (a, v) => a with { UntilStep = v },
            "Last step with the pattern, or below 1 its share of training.max_steps; null = the last step at full sparsity, or without phases the run's last."),
        Of("attention_layers", Kinds.ListOf(Kinds.Integer(0)), a => a.Layers, (a, v) => a with { Layers = v },
            "Layers that the pattern applies to, counted from 0; empty = all."),
        Of("attention_heads", Kinds.ListOf(Kinds.Integer(0)), a => a.Heads, (a, v) => a with { Heads = v },
            "Query heads that the pattern applies to, counted from 0; empty = all."),
        Of("attention_skip_threshold", Kinds.Number(0, 0.999999), a => a.SkipThreshold, (a, v) => a with { SkipThreshold = v },
            "Tiles of scores whose weights are all certain to be under this share of the query's own or its first key's, whichever is larger, are skipped, at any step; 0 = none is."),
    ];

    static Definition<SparsitySection> Of<T>(string name, ValueKind<T> kind, Func<SparseAttentionSection, T> get, Func<SparseAttentionSection, T, SparseAttentionSection> set, string doc) =>
        Key(name, kind, s => get(s.Attention), (s, v) => s with { Attention = set(s.Attention, v) }, doc);
}
