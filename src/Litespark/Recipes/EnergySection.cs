using Litespark.Recipes.Schema;
using static Litespark.Recipes.Schema.DefinitionsOf<Litespark.Recipes.EnergySection>;

namespace Litespark.Recipes;

/// <summary>Where joules are read.</summary>
public enum EnergySourceChoice
{
    /// <summary>The best one for the run: NVML on GPUs; RAPL, then hwmon on the processor; else the estimate.</summary>
    Auto,

    /// <summary>The GPUs' energy by NVIDIA's management library; for runs on GPUs.</summary>
    Nvml,

    /// <summary>The processors' own counters (Intel, newer AMD).</summary>
    Rapl,

    /// <summary>The energy counters of AMD's hardware-monitoring drivers.</summary>
    Hwmon,

    /// <summary>Power × time; marked <c>~</c>, and no saving is reported from it.</summary>
    Estimate,
}

/// <summary>The recipe's <c>energy</c> section.</summary>
public sealed record EnergySection
{
    /// <summary>Where joules are read.</summary>
    public EnergySourceChoice Source { get; init; } = EnergySourceChoice.Auto;

    /// <summary>Carbon intensity of the electricity, kg CO₂e per kWh.</summary>
    public double CarbonIntensity { get; init; } = 0.35;

    /// <summary>Power at full load in watts of what the run computes on, for estimates; null = guessed.</summary>
    public double? TdpWatts { get; init; }

    internal static readonly Definition<EnergySection>[] Definitions =
    [
        Key("source", Kinds.Choice(("auto", EnergySourceChoice.Auto), ("nvml", EnergySourceChoice.Nvml), ("rapl", EnergySourceChoice.Rapl), ("hwmon", EnergySourceChoice.Hwmon), ("estimate", EnergySourceChoice.Estimate)),
            s => s.Source, (s, v) => s with { Source = v },
            "Where joules are read; auto: nvml (the GPUs) for a run on GPUs, rapl or hwmon (the processors) for one on the CPU, else an estimate, which is marked with ~."),
        Key("carbon_intensity", Kinds.Number(0), s => s.CarbonIntensity, (s, v) => s with { CarbonIntensity = v },
            "Carbon intensity of the electricity in kg CO2e per kWh (0.35: average of the USA)."),
        Key("tdp_watts", Kinds.Optional(Kinds.Positive()), s => s.TdpWatts, (s, v) => s with { TdpWatts = v },
            "Power at full load in watts, for estimates: of the machine's processors, or of the run's GPUs; null = guessed."),
    ];
}
