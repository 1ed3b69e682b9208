namespace Litespark.Energy;

/// <summary>A region's electricity.</summary>
/// <param name="Name">English name, in lower case with hyphens: <c>united-states</c>.</param>
/// <param name="Code">Two letters, by ISO 3166 where it is a country.</param>
/// <param name="KilogramsPerKilowattHour">CO₂ equivalent of a kilowatt-hour that was generated there, over the year.</param>
public sealed record GridRegion(string Name, string Code, double KilogramsPerKilowattHour);

/// <summary>
/// Carbon intensities of electricity by region: lifecycle emissions of what was generated in <see cref="Year"/>. Imports are
/// not counted, nor is what a data centre buys for itself: state <c>energy.carbon_intensity</c> where it is known better.
/// </summary>
public static class GridRegions
{
    /// <summary>The year of the figures.</summary>
    public const int Year = 2024;

    /// <summary>Where they come from: the rows of <see cref="Year"/>, in g/kWh there, rounded to a gram.</summary>
    public const string Source = "Ember and the Energy Institute, by Our World in Data: ourworldindata.org/grapher/carbon-intensity-electricity";

    /// <summary>All regions, in the order of their names.</summary>
    public static IReadOnlyList<GridRegion> All { get; } =
    [
        new("austria", "AT", 0.103), new("belgium", "BE", 0.127), new("brazil", "BR", 0.106), new("canada", "CA", 0.185), new("chile", "CL", 0.260),
        new("china", "CN", 0.555), new("czechia", "CZ", 0.414), new("denmark", "DK", 0.132), new("european-union", "EU", 0.211), new("finland", "FI", 0.067),
        new("france", "FR", 0.040), new("germany", "DE", 0.336), new("greece", "GR", 0.322), new("hong-kong", "HK", 0.675), new("hungary", "HU", 0.184),
        new("iceland", "IS", 0.028), new("india", "IN", 0.705), new("indonesia", "ID", 0.680), new("ireland", "IE", 0.271), new("israel", "IL", 0.541),
        new("italy", "IT", 0.281), new("japan", "JP", 0.483), new("netherlands", "NL", 0.251), new("new-zealand", "NZ", 0.112), new("norway", "NO", 0.030),
        new("saudi-arabia", "SA", 0.692), new("singapore", "SG", 0.499), new("south-africa", "ZA", 0.717), new("south-korea", "KR", 0.416), new("spain", "ES", 0.146),
        new("sweden", "SE", 0.035), new("switzerland", "CH", 0.035), new("taiwan", "TW", 0.635), new("united-arab-emirates", "AE", 0.468),
        new("united-kingdom", "GB", 0.217), new("united-states", "US", 0.384), new("world", "WW", 0.471),
    ];

    /// <summary>The region of a name or a code, however it is cased; null where there is none.</summary>
    public static GridRegion? Find(string name) => All.FirstOrDefault(region =>
        region.Code.Equals(name, StringComparison.OrdinalIgnoreCase) || region.Name.Equals(name.Replace(' ', '-').Replace('_', '-'), StringComparison.OrdinalIgnoreCase));

    /// <summary>The name that may have been meant; null where none is near.</summary>
    public static string? Nearest(string name) => NearestName.Of(name, All.Select(region => region.Name));
}
