using Litespark.SelfTesting;

namespace Litespark.Tests.SelfTesting;

public class RandomNumbersTests
{
    static float[] Normal(int length, uint seed)
    {
        var values = new float[length];
        RandomNumbers.Normal(values, seed);
        return values;
    }

    /// <summary>Moments and tails of a normal distribution, within five standard errors of a million numbers.</summary>
    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(4_000_000_000u)]
    public void They_are_distributed_normally(uint seed)
    {
        const int Count = 1_000_000;
        float[] values = Normal(Count, seed);
        Assert.DoesNotContain(values, value => !float.IsFinite(value));
        double Mean(Func<float, double> what) => values.Average(what);
        Assert.InRange(Mean(x => x), -5e-3, 5e-3);
        Assert.InRange(Mean(x => (double)x * x), 1 - 7.1e-3, 1 + 7.1e-3);
        Assert.InRange(Mean(x => Math.Pow(x, 4)), 3 - 0.05, 3 + 0.05);
        Assert.InRange(Mean(x => Math.Abs(x) > 2 ? 1 : 0), 0.0455 - 1.05e-3, 0.0455 + 1.05e-3);
        foreach (int lag in (int[])[1, 2, 512, 1024]) Assert.InRange(Enumerable.Range(0, Count - lag).Average(i => (double)values[i] * values[i + lag]), -5.1e-3, 5.1e-3);
    }

    [Fact]
    public void They_depend_on_seed_and_place_alone()
    {
        float[] values = Normal(200_003, 7);
        Assert.Equal(values, Normal(200_003, 7));
        Assert.Equal(values[..1001], Normal(1001, 7));
        float[] others = Normal(200_003, 8);
        Assert.True(values.Zip(others).Count(pair => pair.First == pair.Second) < 50);
        Assert.InRange(values.Zip(others).Average(pair => (double)pair.First * pair.Second), -0.012, 0.012);
        Assert.True(values.Distinct().Count() > 190_000);
    }
}
