using Litespark.Inference;

namespace Litespark.Tests.Inference;

public sealed class SamplerTests
{
    [Theory]
    [InlineData(1, 0, 1)]
    [InlineData(0.7, 0, 1)]
    [InlineData(1, 5, 1)]
    [InlineData(1, 1, 1)]
    [InlineData(1, 0, 0.6)]
    [InlineData(1.5, 0, 0.95)]
    [InlineData(1.3, 12, 0.8)]
    [InlineData(1, 1000, 0.5)]
    [InlineData(1, 0, 1e-9)]
    public void Draws_follow_the_distribution_of_a_naive_reference(double temperature, int topK, double topP)
    {
        const int draws = 20000;
        float[] logits = Logits(40, 3);
        double[] expected = Reference(logits, temperature, topK, topP);
        var sampler = new Sampler(new SamplingOptions { Temperature = temperature, TopK = topK, TopP = topP, Seed = 7 }, logits.Length);
        var counts = new int[logits.Length];
        for (int i = 0; i < draws; i++) counts[sampler.Sample(logits)]++;
        for (int id = 0; id < logits.Length; id++)
        {
            if (expected[id] == 0) Assert.Equal(0, counts[id]);
            double deviation = Math.Sqrt(draws * expected[id] * (1 - expected[id]));
            Assert.True(Math.Abs(counts[id] - draws * expected[id]) <= 5 * deviation + 1e-6, $"token {id}: {counts[id]} draws, {draws * expected[id]} expected");
        }
    }

    [Theory]
    [InlineData(3, 1)]
    [InlineData(0, 0.29)]
    [InlineData(25, 0.29)]
    public void Of_equal_logits_the_lower_ids_come_first(int topK, double topP)
    {
        var logits = new float[10];
        for (int i = 0; i < logits.Length; i += 2) logits[i] = -0f;
        var sampler = new Sampler(new SamplingOptions { TopK = topK, TopP = topP }, logits.Length);
        Assert.Equal([0, 1, 2], Enumerable.Range(0, 300).Select(_ => sampler.Sample(logits)).Distinct().Order());
        Assert.Equal(0, new Sampler(SamplingOptions.Greedy, 10).Sample(logits));
    }

    [Fact]
    public void The_seed_decides_the_draws()
    {
        float[] logits = Logits(100, 1);
        int[] Draw(long seed)
        {
            var sampler = new Sampler(new SamplingOptions { Seed = seed, TopP = 0.9 }, logits.Length);
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Sample(logits))];
        }

        Assert.Equal(Draw(4), Draw(4));
        Assert.NotEqual(Draw(4), Draw(5));
    }

    [Fact]
    public void Extreme_logits_do_no_harm()
    {
        float[] logits = [float.NegativeInfinity, 3e38f, -3e38f, float.NegativeInfinity, 1];
        foreach (SamplingOptions options in (SamplingOptions[])[new(), new() { Temperature = 1e-300 }, new() { TopK = 3 }, new() { TopP = 0.99 }, SamplingOptions.Greedy])
            Assert.Equal(1, new Sampler(options, logits.Length).Sample(logits));
        float[] excluded = [float.NegativeInfinity, 0, float.NegativeInfinity, 0];
        var sampler = new Sampler(new SamplingOptions { Temperature = 1e9, TopP = 0.999999 }, 4);
        Assert.Equal([1, 3], Enumerable.Range(0, 100).Select(_ => sampler.Sample(excluded)).Distinct().Order());
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Damaged_logits_are_an_error(float damage)
    {
        foreach (double temperature in (double[])[0, 1])
            Assert.Throws<RunFailureException>(() => new Sampler(new SamplingOptions { Temperature = temperature }, 3).Sample([0, damage, 1]));
    }

    [Fact]
    public void Options_out_of_range_are_named()
    {
        Assert.Contains("temperature is -1", Refused(new SamplingOptions { Temperature = -1 }));
        Assert.Contains("top_k is -2", Refused(new SamplingOptions { TopK = -2 }));
        Assert.Contains("top_p is 0", Refused(new SamplingOptions { TopP = 0 }));
        Assert.Contains("top_p is NaN", Refused(new SamplingOptions { TopP = double.NaN }));
        static string Refused(SamplingOptions options) => Assert.Throws<UserErrorException>(() => new Sampler(options, 3)).Message;
    }

    /// <summary>Temperature, then top-k, then top-p, by sorting everything.</summary>
    static double[] Reference(float[] logits, double temperature, int topK, double topP)
    {
        int[] order = [.. Enumerable.Range(0, logits.Length).OrderByDescending(id => logits[id]).ThenBy(id => id)];
        if (topK > 0) order = [.. order.Take(topK)];
        double total = order.Sum(id => Math.Exp(logits[id] / temperature)), sum = 0;
        var kept = new List<int>();
        foreach (int id in order)
        {
            if (sum >= topP) break;
            kept.Add(id);
            sum += Math.Exp(logits[id] / temperature) / total;
        }

        double keptTotal = kept.Sum(id => Math.Exp(logits[id] / temperature));
        var probabilities = new double[logits.Length];
        foreach (int id in kept) probabilities[id] = Math.Exp(logits[id] / temperature) / keptTotal;
        return probabilities;
    }

    static float[] Logits(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() * 4 - 2))];
    }
}
