using Litespark.Planning.Passes;

namespace Litespark.Planning;

/// <summary>Which passes run. All = the litespark plan, none = the baseline: what a standard implementation runs.</summary>
public sealed record PlanOptions
{
    /// <summary>The passes, as recipes spell them, and what each does.</summary>
    internal static readonly (string Name, string Doc)[] Known =
    [
        ("fused_qkv", "Query, key and value projections as one matrix product."),
        ("fused_attention", "Attention in tiles with an online softmax: never a T × T matrix."),
        ("fused_mlp", "Gate and up projections as one matrix product, activation and product as one kernel."),
        ("fused_norm", "Residual addition and norm in one kernel."),
        ("chunked_loss", "Output head and cross-entropy in chunks of tokens: never the whole logits."),
        ("in_place", "Element-wise results take the memory of operands that nobody reads again."),
        ("padded_rows", "Rows of large results a cache line further apart where they would share places in a cache (on the CPU)."),
        ("accumulate_into", "Sums of gradients are added where they lie, by the kernel that makes them."),
        ("fused_optimizer", "Clipping and update of all parameters in one kernel."),
    ];

    /// <summary>The passes' names, as recipes spell them.</summary>
    public static readonly IReadOnlyList<string> PassNames = [.. Known.Select(pass => pass.Name)];

    /// <summary>All passes.</summary>
    public static readonly PlanOptions Litespark = new() { Passes = PassNames.ToHashSet() };

    /// <summary>No passes.</summary>
    public static readonly PlanOptions Baseline = new() { Passes = new HashSet<string>() };

    /// <summary>Names of the passes that run.</summary>
    public required IReadOnlySet<string> Passes { get; init; }

    /// <summary>What the backward pass computes again.</summary>
    public RecomputeMode Recompute { get; init; }

    /// <summary>Whether a pass runs.</summary>
    public bool Has(string pass) => Passes.Contains(pass);

    /// <summary>With one pass switched.</summary>
    public PlanOptions With(string pass, bool enabled)
    {
        if (!PassNames.Contains(pass)) throw new ArgumentException($"no pass is called {pass}");
        return this with { Passes = (enabled ? Passes.Append(pass) : Passes.Where(name => name != pass)).ToHashSet() };
    }
}
