using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.RopeScalingSection>;

namespace Litespark.Recipes;

/// <summary>The recipe's <c>model.rope_scaling</c> section: Llama 3's scaling, in the words of <c>config.json</c>.</summary>
public sealed record RopeScalingSection
{
    /// <summary>Stretch of the low frequencies; null = the preset's scaling or none.</summary>
    public double? Factor { get; init; }

    /// <summary>Wavelengths longer than original length / this are stretched in full.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>Wavelengths shorter than original length / this are left alone.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>Context length in tokens before the scaling.</summary>
    public int OriginalMaxPositions { get; init; } = 8192;

    internal static readonly Definition<RopeScalingSection>[] Definitions =
    [
        Key("factor", Kinds.Optional(Kinds.Positive()), s => s.Factor, (s, v) => s with { Factor = v },
            "How far low frequencies are stretched (Llama 3's rule); null = the preset's scaling or none. The three keys below hold only with it."),
        Key("low_freq_factor", Kinds.Positive(), s => s.LowFrequencyFactor, (s, v) => s with { LowFrequencyFactor = v },
            "Wavelengths longer than original_max_position_embeddings / this are stretched in full."),
        Key("high_freq_factor", Kinds.Positive(), s => s.HighFrequencyFactor, (s, v) => s with { HighFrequencyFactor = v },
            "Wavelengths shorter than original_max_position_embeddings / this are left alone."),
        Key("original_max_position_embeddings", Kinds.Integer(1), s => s.OriginalMaxPositions, (s, v) => s with { OriginalMaxPositions = v },
            "Context length in tokens before the scaling."),
    ];
}
