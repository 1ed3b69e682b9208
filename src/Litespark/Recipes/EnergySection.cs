using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.EnergySection>;

namespace Litespark.Recipes;

/// <summary>Where joules are read.</summary>
public enum EnergySourceChoice
{
    /// <summary>The best one found.</summary>
    Auto,

    /// <summary>The GPU's own counter.</summary>
    Nvml,

    /// <summary>The CPU package's counter.</summary>
    Rapl,

    /// <summary>A power sensor of the mainboard.</summary>
    Hwmon,

    /// <summary>Power × time by the table of the recipe; marked <c>~</c>, and no saving is reported from it.</summary>
    Estimate,
}

/// <summary>The recipe's <c>energy</c> section.</summary>
public sealed record EnergySection
{
    /// <summary>Where joules are read.</summary>
    public EnergySourceChoice Source { get; init; } = EnergySourceChoice.Auto;

    /// <summary>Carbon intensity of the electricity, kg CO₂e per kWh.</summary>
    public double CarbonIntensity { get; init; } = 0.35;

    /// <summary>Power at full load in watts, for estimates; null = guessed from the processor.</summary>
    public double? TdpWatts { get; init; }

    internal static readonly Definition<EnergySection>[] Definitions =
    [
        Key("source", Kinds.Choice(("auto", EnergySourceChoice.Auto), ("nvml", EnergySourceChoice.Nvml), ("rapl", EnergySourceChoice.Rapl), ("hwmon", EnergySourceChoice.Hwmon), ("estimate", EnergySourceChoice.Estimate)),
            s => s.Source, (s, v) => s with { Source = v },
            "Where joules are read; auto: the best meter found, else an estimate, which is marked with ~."),
        Key("carbon_intensity", Kinds.Number(0), s => s.CarbonIntensity, (s, v) => s with { CarbonIntensity = v },
            "Carbon intensity of the electricity in kg CO2e per kWh (0.35: average of the USA)."),
        Key("tdp_watts", Kinds.Optional(Kinds.Positive()), s => s.TdpWatts, (s, v) => s with { TdpWatts = v },
            "Power of the processor at full load in watts, for estimates; null = guessed from the processor."),
    ];
}
