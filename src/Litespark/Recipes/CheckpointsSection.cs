using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.CheckpointsSection>;

namespace Litespark.Recipes;

/// <summary>The recipe's <c>checkpoints</c> section.</summary>
public sealed record CheckpointsSection
{
    /// <summary>Steps between checkpoints, besides the one at the end; 0 = only that one.</summary>
    public int EverySteps { get; init; } = 500;

    /// <summary>Newest checkpoints that are kept; 0 = all.</summary>
    public int KeepLast { get; init; } = 2;

    internal static readonly Definition<CheckpointsSection>[] Definitions =
    [
        Key("every_steps", Kinds.Integer(0), s => s.EverySteps, (s, v) => s with { EverySteps = v },
            "Steps between checkpoints; there is one after the last step and at an interruption too; 0 = only those."),
        Key("keep_last", Kinds.Integer(0), s => s.KeepLast, (s, v) => s with { KeepLast = v },
            "Newest checkpoints that are kept; 0 = all."),
    ];
}
