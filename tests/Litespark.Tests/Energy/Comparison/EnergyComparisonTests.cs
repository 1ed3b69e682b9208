using Litespark.Cli.Progress;
using Litespark.Energy.Comparison;

namespace Litespark.Tests.Energy.Comparison;

public sealed class EnergyComparisonTests
{
    static EnergySeries Series(string name, string source, params double[] joules) => new(name, source, [.. joules.Select(value => new EnergySample(10, 1000, value))]);

    [Fact]
    public void Figures_are_sums_over_sums_with_the_deviation_of_the_windows()
    {
        var series = new EnergySeries("a", "rapl", [new(10, 1000, 100), new(30, 1000, 500)]);
        Assert.Equal(50, series.TokensPerSecond.Mean);
        Assert.Equal(0.3, series.JoulesPerToken.Mean, 12);
        Assert.Equal(15, series.Watts.Mean);
        // 0.1 and 0.5 J a token: each 0.2 from their mean, n − 1 = 1.
        Assert.Equal(Math.Sqrt(0.08), series.JoulesPerToken.Deviation!.Value, 12);
        Assert.Null(Series("a", "rapl", 100).Watts.Deviation);
    }

    [Fact]
    public void A_saving_has_a_spread_and_is_clear_where_it_is_larger()
    {
        var comparison = new EnergyComparison(Series("A", "nvml", 1000, 1010, 990), Series("B", "nvml", 500, 505, 495));
        EnergySaving saving = comparison.Saving!.Value;
        Assert.Equal(0.5, saving.Fraction, 12);
        // Both deviate by one per cent.
        Assert.Equal(0.5 * Math.Sqrt(2) * 0.01, saving.Spread!.Value, 12);
        Assert.True(saving.IsClear);
        Assert.Equal("B takes 50.0 % less energy per token than A (± 0.7).", SavingText.Of(comparison));
        var noisy = new EnergyComparison(Series("A", "nvml", 1000, 1200, 800), Series("B", "nvml", 950, 1150, 750));
        Assert.False(noisy.Saving!.Value.IsClear);
        Assert.Contains("less than its windows do", SavingText.Of(noisy));
        Assert.Contains("more energy per token", SavingText.Of(new EnergyComparison(comparison.B, comparison.A)));
        Assert.Contains("single window", SavingText.Of(new EnergyComparison(Series("A", "nvml", 1000), Series("B", "nvml", 500))));
    }

    [Theory]
    [InlineData("estimate", "estimate", "both figures of energy are estimates (~)")]
    [InlineData("rapl", "estimate", "the energy of B is an estimate (~)")]
    [InlineData("estimate", "rapl", "the energy of A is an estimate (~)")]
    [InlineData("nvml", "rapl", "A is measured by nvml, B by rapl: they do not count the same")]
    public void No_saving_is_reported_from_what_was_not_measured_alike(string a, string b, string obstacle)
    {
        var comparison = new EnergyComparison(Series("A", a, 1000, 1000), Series("B", b, 500, 500));
        Assert.Null(comparison.Saving);
        Assert.Contains(obstacle, comparison.Obstacle);
        Assert.StartsWith("No saving is reported: ", SavingText.Of(comparison));
    }

    [Fact]
    public void No_saving_is_reported_from_windows_too_short_for_the_meter()
    {
        var comparison = new EnergyComparison(Series("A", "nvml", 1000, 1000), Series("B", "nvml", 500, 500) with { IsImprecise = true });
        Assert.Null(comparison.Saving);
        Assert.Contains("too short", comparison.Obstacle);
        Assert.False(comparison.B.IsMeasured);
    }
}
