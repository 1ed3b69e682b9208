using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.EvaluationSection>;

namespace Litespark.Recipes;

/// <summary>The recipe's <c>evaluation</c> section.</summary>
public sealed record EvaluationSection
{
    /// <summary>Steps between evaluations, besides those at the start and at the end; 0 = never evaluate.</summary>
    public int EverySteps { get; init; } = 100;

    /// <summary>Validation tokens of one evaluation; 0 = all.</summary>
    public long MaxTokens { get; init; } = 65536;

    internal static readonly Definition<EvaluationSection>[] Definitions =
    [
        Key("every_steps", Kinds.Integer(0), s => s.EverySteps, (s, v) => s with { EverySteps = v },
            "Steps between evaluations on the validation data; there is one before the first step and one after the last too; 0 = never."),
        Key("max_tokens", Kinds.Long(0), s => s.MaxTokens, (s, v) => s with { MaxTokens = v },
            "Validation tokens of one evaluation, always the same ones; 0 = all."),
    ];
}
