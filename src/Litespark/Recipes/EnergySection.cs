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

    /// <summary>Other machines whose energy counts too, as <c>host:port</c>.</summary>
    public IReadOnlyList<string> Nodes { get; init; } = [];

    /// <summary>Carbon intensity of the electricity, kg CO₂e per kWh; null = the region's, or without one 0.35.</summary>
    public double? CarbonIntensity { get; init; }

    /// <summary>A region of <see cref="Energy.GridRegions"/>, by name or code, or null.</summary>
    public string? Region { get; init; }

    /// <summary>Energy of the whole data centre over that of the devices.</summary>
    public double Pue { get; init; } = 1;

    /// <summary>Price of a kilowatt-hour, or null.</summary>
    public double? PricePerKilowattHour { get; init; }

    /// <summary>The value of <see cref="Clocks"/> that leaves clocks alone.</summary>
    public const string ClocksOff = "off";

    /// <summary>The file of a clock plan that is applied while training, or <see cref="ClocksOff"/>.</summary>
    public string Clocks { get; init; } = ClocksOff;

    /// <summary>Power at full load in watts of what the run computes on, for estimates; null = guessed.</summary>
    public double? TdpWatts { get; init; }

    internal static readonly Definition<EnergySection>[] Definitions =
    [
        Key("source", Kinds.Choice(("auto", EnergySourceChoice.Auto), ("nvml", EnergySourceChoice.Nvml), ("rapl", EnergySourceChoice.Rapl), ("hwmon", EnergySourceChoice.Hwmon), ("estimate", EnergySourceChoice.Estimate)),
            s => s.Source, (s, v) => s with { Source = v },
            "Where joules are read; auto: nvml (the GPUs) for a run on GPUs, rapl or hwmon (the processors) for one on the CPU, else an estimate, which is marked with ~."),
        Key("nodes", Kinds.ListOf(Kinds.Text), s => s.Nodes, (s, v) => s with { Nodes = v },
            "Other machines whose joules are added to a run's, as host:port of their 'litespark energy serve'."),
        Key("carbon_intensity", Kinds.Optional(Kinds.Number(0)), s => s.CarbonIntensity, (s, v) => s with { CarbonIntensity = v },
            "Carbon intensity of the electricity in kg CO2e per kWh; null = the region's, or without one 0.35, the Litespark report's average of the USA."),
        Key("region", Kinds.OptionalText, s => s.Region, (s, v) => s with { Region = v },
            "Region whose carbon intensity of 2024 is taken, by name (germany, united-states, world) or two letters (DE)."),
        Key("pue", Kinds.Number(1), s => s.Pue, (s, v) => s with { Pue = v },
            "Energy of the whole data centre over that of the devices (power usage effectiveness), for carbon and cost; 1 counts the devices alone."),
        Key("price_per_kwh", Kinds.Optional(Kinds.Number(0)), s => s.PricePerKilowattHour, (s, v) => s with { PricePerKilowattHour = v },
            "Price of a kWh in your currency; null = no cost is shown."),
        Key("clocks", Kinds.Text, s => s.Clocks, (s, v) => s with { Clocks = v },
            "A clock plan ('litespark energy plan' writes one) that is applied to the run's GPUs while it trains; changing clocks is for root. off: the GPUs' clocks are left alone."),
        Key("tdp_watts", Kinds.Optional(Kinds.Positive()), s => s.TdpWatts, (s, v) => s with { TdpWatts = v },
            "Power at full load in watts, for estimates: of the machine's processors, or of the run's GPUs; null = guessed."),
    ];
}
