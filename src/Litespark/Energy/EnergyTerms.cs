using System.Globalization;

namespace Litespark.Energy;

/// <summary>By what joules become grams of CO₂ equivalent and money.</summary>
public sealed record EnergyTerms
{
    /// <summary>The Litespark report's: 0.35 kg/kWh, the devices alone, no price.</summary>
    public static readonly EnergyTerms Default = new();

    /// <summary>Kilograms of CO₂ equivalent per kilowatt-hour.</summary>
    public double KilogramsPerKilowattHour { get; init; } = Carbon.DefaultIntensity;

    /// <summary>Where that figure holds and from when it is, for people; null where it was stated or is the default.</summary>
    public string? Region { get; init; }

    /// <summary>Power usage effectiveness: energy of the whole data centre over that of the devices; 1 counts the devices alone.</summary>
    public double Pue { get; init; } = 1;

    /// <summary>Price of a kilowatt-hour, in the user's currency; null where none is stated.</summary>
    public double? PricePerKilowattHour { get; init; }

    /// <summary>The terms of a region of <see cref="GridRegions"/>.</summary>
    public static EnergyTerms Of(GridRegion region) => new() { KilogramsPerKilowattHour = region.KilogramsPerKilowattHour, Region = $"{region.Name} {GridRegions.Year}" };

    /// <summary>Grams of CO₂ equivalent.</summary>
    public double Grams(double joules) => Carbon.Grams(joules, KilogramsPerKilowattHour, Pue);

    /// <summary>Money; null where no price is stated.</summary>
    public double? Cost(double joules) => joules / Carbon.JoulesPerKilowattHour * Pue * PricePerKilowattHour;

    /// <summary>What <see cref="Grams"/> assumes: <c>at 0.35 kg/kWh, PUE 1.2</c>.</summary>
    public string CarbonTerms => string.Create(CultureInfo.InvariantCulture, $"at {KilogramsPerKilowattHour} kg/kWh{(Region is null ? "" : ", " + Region)}{PueTerm}");

    /// <summary>What <see cref="Cost"/> assumes: <c>at 0.3 per kWh</c>.</summary>
    public string CostTerms => string.Create(CultureInfo.InvariantCulture, $"at {PricePerKilowattHour} per kWh{PueTerm}");

    string PueTerm => Pue == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $", PUE {Pue}");
}
