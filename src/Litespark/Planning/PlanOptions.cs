using Litespark.Planning.Passes;

namespace Litespark.Planning;

/// <summary>Which passes run. All = the litespark plan, none = the baseline: what a standard implementation runs.</summary>
public sealed record PlanOptions
{
    /// <summary>The passes' names, as recipes spell them.</summary>
    public static readonly IReadOnlyList<string> PassNames =
        ["fused_qkv", "fused_attention", "fused_mlp", "fused_norm", "chunked_loss", "accumulate_into", "fused_optimizer"];

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
