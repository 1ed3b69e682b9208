using Litespark.Energy;
using Litespark.Training;
using static Litespark.Tests.Recipes.RecipeLoaderTests;

namespace Litespark.Tests.Energy;

public sealed class EnergyTermsTests
{
    const double KilowattHour = 3.6e6;

    [Fact]
    public void By_default_the_reports_intensity_counts_the_devices_alone_and_there_is_no_cost()
    {
        EnergyTerms terms = RecipeSettings.Terms(Load(Minimal).Energy);
        // The report's row of 8 GPUs: 0.79 MWh are 0.28 t.
        Assert.Equal(0.2765e6, terms.Grams(790 * KilowattHour), 1e-3);
        Assert.Null(terms.Cost(KilowattHour));
        Assert.Equal("at 0.35 kg/kWh", terms.CarbonTerms);
    }

    [Fact]
    public void Region_pue_and_price_come_from_the_recipe()
    {
        EnergyTerms terms = RecipeSettings.Terms(Load(Minimal, "energy.region=Germany", "energy.pue=1.5", "energy.price_per_kwh=0.3").Energy);
        Assert.Equal(0.336 * 1500, terms.Grams(KilowattHour), 9);
        Assert.Equal(0.45, terms.Cost(KilowattHour)!.Value, 9);
        Assert.Equal("at 0.336 kg/kWh, germany 2024, PUE 1.5", terms.CarbonTerms);
        Assert.Equal("at 0.3 per kWh, PUE 1.5", terms.CostTerms);
        Assert.Equal(0.1 * 1000, RecipeSettings.Terms(Load(Minimal, "energy.carbon_intensity=0.1").Energy).Grams(KilowattHour), 9);
    }

    [Theory]
    [InlineData("de")]
    [InlineData("GERMANY")]
    [InlineData("germany")]
    public void A_region_is_known_by_name_and_by_code(string name) => Assert.Equal("germany", GridRegions.Find(name)?.Name);

    [Fact]
    public void Regions_have_one_name_one_code_and_an_intensity_each()
    {
        Assert.Equal("united-states", GridRegions.Find("United States")?.Name);
        Assert.Equal(GridRegions.All.Count, GridRegions.All.Select(region => region.Name).Distinct().Count());
        Assert.Equal(GridRegions.All.Count, GridRegions.All.Select(region => region.Code).Distinct().Count());
        Assert.Equal(GridRegions.All.Select(region => region.Name).Order(StringComparer.Ordinal), GridRegions.All.Select(region => region.Name));
        Assert.All(GridRegions.All, region => Assert.InRange(region.KilogramsPerKilowattHour, 0.01, 1));
    }

    [Fact]
    public void An_unknown_region_and_a_doubled_intensity_are_refused()
    {
        Assert.Contains("'germny' is not in the table; did you mean 'germany'?", Error(Minimal + "energy: {region: germny}"));
        Assert.Contains("energy.carbon_intensity (0.2) is given too", Error(Minimal + "energy: {region: france, carbon_intensity: 0.2}"));
        Assert.Contains("energy.pue", Error(Minimal + "energy: {pue: 0.9}"));
    }

    [Fact]
    public void Full_load_is_what_the_estimates_assume()
    {
        Assert.Equal(20, FullLoad.Of(new EnergyMeterOptions(), 4).Watts);
        Assert.Equal(1000, FullLoad.Of(new EnergyMeterOptions { Gpus = ["0", "1"] }, 4).Watts);
        Assert.Equal(640, FullLoad.Of(new EnergyMeterOptions { Gpus = ["0", "1"], TdpWatts = 640 }, 4).Watts);
        using var sysfs = new FakeSysfs();
        sysfs.Set("devices/system/cpu/online", "0-7");
        FullLoad half = FullLoad.Of(new EnergyMeterOptions { SysfsRoot = sysfs.Root, TdpWatts = 100 }, 4);
        Assert.Equal(50, half.Watts);
        Assert.Contains("4 of 8 logical processors", half.Explanation);
    }
}
