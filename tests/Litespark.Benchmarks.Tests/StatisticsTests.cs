using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Tests;

public class StatisticsTests
{
    [Fact]
    public void The_median_is_the_middle_value_or_the_mean_of_the_two_in_the_middle()
    {
        Assert.Equal(2, Statistics.Median([9, 1, 2]));
        Assert.Equal(3, Statistics.Median([4, 1, 2, 9]));
        Assert.Throws<ArgumentException>(() => Statistics.Median([]));
    }

    [Fact]
    public void A_quantile_lies_between_two_values_in_proportion()
    {
        Assert.Equal(2, Statistics.Quantile([5, 1, 3, 2, 4], 0.25));
        Assert.Equal(1.75, Statistics.Quantile([4, 3, 2, 1], 0.25));
        Assert.Equal(4, Statistics.Quantile([4, 3, 2, 1], 1));
        Assert.Equal(7, Statistics.Quantile([7], 0.75));
        Assert.Throws<ArgumentException>(() => Statistics.Quantile([], 0.5));
        Assert.Throws<ArgumentException>(() => Statistics.Quantile([1], 1.5));
    }

    [Fact]
    public void The_geometric_mean_of_ratios_does_not_depend_on_which_side_is_divided()
    {
        Assert.Equal(1, Statistics.GeometricMean([2, 0.5]), 12);
        Assert.Equal(2, Statistics.GeometricMean([1, 4]), 12);
        Assert.Throws<ArgumentException>(() => Statistics.GeometricMean([1, 0]));
        Assert.Throws<ArgumentException>(() => Statistics.GeometricMean([double.NaN]));
    }

    [Fact]
    public void The_weighted_ratio_is_that_of_the_times_for_all_of_the_work()
    {
        // 10 units at 10/s and 5/s (1 s, 2 s), 30 units at 10/s and 30/s (3 s, 1 s): 4 s beside 3 s.
        Assert.Equal(0.75, Statistics.WeightedRatio([(10, 10, 5), (30, 10, 30)]), 12);
    }

    [Fact]
    public void The_relative_error_is_the_largest_difference_over_the_largest_element_and_keeps_NaN()
    {
        Assert.Equal(0.1, Statistics.RelativeError([1, 9, 3], [1, 10, 3]), 6);
        Assert.True(double.IsNaN(Statistics.RelativeError([1, float.NaN, 3], [1, 10, 3])));
        Assert.Throws<ArgumentException>(() => Statistics.RelativeError([1], [1, 2]));
    }
}
