using System.Collections.Immutable;
using Litespark.Planning;
using Litespark.Recipes.Schema;

namespace Litespark.Recipes;

/// <summary>The recipe's <c>engine.passes</c> section: a switch for each optimising pass; null = as the plan has it.</summary>
public sealed record PassesSection
{
    ImmutableSortedDictionary<string, bool> switches = ImmutableSortedDictionary<string, bool>.Empty;

    /// <summary>Names of all passes.</summary>
    public static IReadOnlyList<string> Names { get; } = PlanOptions.PassNames;

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
        .. PlanOptions.Known.Select(pass => new Key<PassesSection, bool?>(pass.Name, Kinds.Optional(Kinds.Boolean), s => s[pass.Name], (s, v) => s.With(pass.Name, v), pass.Doc)),
    ];
}
