using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.ScheduleSection>;

namespace Litespark.Recipes;

/// <summary>How the learning rate falls after the warm-up.</summary>
public enum ScheduleName
{
    /// <summary>Half a cosine down to the minimum.</summary>
    Cosine,

    /// <summary>A straight line down to the minimum.</summary>
    Linear,

    /// <summary>Warm-up, stable, decay: flat, then a straight line down over the last part.</summary>
    Wsd,

    /// <summary>Flat.</summary>
    Constant,
}

/// <summary>The recipe's <c>schedule</c> section.</summary>
public sealed record ScheduleSection
{
    /// <summary>How the learning rate falls after the warm-up.</summary>
    public ScheduleName Name { get; init; } = ScheduleName.Cosine;

    /// <summary>Steps over which the learning rate rises from zero to its peak; a run uses <see cref="Recipe.WarmupSteps"/>.</summary>
    public int WarmupSteps { get; init; } = 50;

    /// <summary>Learning rate at the last step, as a share of the peak.</summary>
    public double MinLearningRateRatio { get; init; } = 0.1;

    /// <summary>Share of all steps over which <see cref="ScheduleName.Wsd"/> decays.</summary>
    public double DecayFraction { get; init; } = 0.2;

    internal static readonly Definition<ScheduleSection>[] Definitions =
    [
        Key("name", Kinds.Choice(("cosine", ScheduleName.Cosine), ("linear", ScheduleName.Linear), ("wsd", ScheduleName.Wsd), ("constant", ScheduleName.Constant)),
            s => s.Name, (s, v) => s with { Name = v },
            "How the learning rate falls after the warm-up: cosine, linear, wsd (flat, then linear over decay_fraction) or constant."),
        Key("warmup_steps", Kinds.Integer(0), s => s.WarmupSteps, (s, v) => s with { WarmupSteps = v },
            "Steps over which the learning rate rises from zero to its peak; at most half of max_steps counts."),
        Key("min_learning_rate_ratio", Kinds.Number(0, 1), s => s.MinLearningRateRatio, (s, v) => s with { MinLearningRateRatio = v },
            "Learning rate at the last step, as a share of the peak."),
        Key("decay_fraction", Kinds.Number(0, 1), s => s.DecayFraction, (s, v) => s with { DecayFraction = v },
            "wsd only: share of all steps over which the learning rate falls."),
    ];
}
