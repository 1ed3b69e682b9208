using System.Collections.Immutable;
using Litespark.Recipes.Schema;

namespace Litespark.Recipes;

/// <summary>The recipe's <c>engine.passes</c> section: a switch for each optimising pass; null = as the plan has it.</summary>
public sealed record PassesSection
{
    static readonly (string Name, string Doc)[] Known =
    [
        ("fused_qkv", "Query, key and value projections as one matrix product."),
        ("fused_attention", "Attention in tiles with an online softmax: never a T × T matrix."),
        ("fused_mlp", "Gate and up projections as one matrix product, with the activation in its epilogue."),
        ("fused_norm", "Residual addition and norm in one kernel."),
        ("chunked_loss", "Output head and cross-entropy in chunks of tokens: never the whole logits."),
        ("fused_optimizer", "Clipping and update of all parameters in one kernel."),
        ("accumulate_into", "Gradients of a shared or accumulated tensor are added where they lie."),
    ];

    ImmutableSortedDictionary<string, bool> switches = ImmutableSortedDictionary<string, bool>.Empty;

    /// <summary>Names of all passes.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Known.Select(pass => pass.Name)];

    /// <summary>The switch of a pass, or null where the plan decides.</summary>
    /// <exception cref="ArgumentException">There is no pass of that name.</exception>
    public bool? this[string pass] =>
        !Names.Contains(pass) ? throw new ArgumentException($"There is no pass '{pass}'.", nameof(pass))
        : switches.TryGetValue(pass, out bool on) ? on : null;

    /// <summary>A copy with one pass switched on, off, or (null) left to the plan.</summary>
    /// <exception cref="ArgumentException">There is no pass of that name.</exception>
    public PassesSection With(string pass, bool? on)
    {
        _ = this[pass];
        return this with { switches = on is { } value ? switches.SetItem(pass, value) : switches.Remove(pass) };
    }

    internal static readonly Definition<PassesSection>[] Definitions =
    [
        .. Known.Select(pass => new Key<PassesSection, bool?>(pass.Name, Kinds.Optional(Kinds.Boolean), s => s[pass.Name], (s, v) => s.With(pass.Name, v), pass.Doc)),
    ];
}
