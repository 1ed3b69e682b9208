namespace Litespark.Energy.Comparison;

/// <summary>A stretch of training.</summary>
/// <param name="Seconds">Its time.</param>
/// <param name="Tokens">Tokens trained on.</param>
/// <param name="Joules">Energy.</param>
public readonly record struct EnergySample(double Seconds, long Tokens, double Joules);

/// <summary>A mean with what its samples differ by.</summary>
/// <param name="Mean">Over everything measured, not the mean of the samples' quotients.</param>
/// <param name="Deviation">Standard deviation of the samples; null where there are fewer than two.</param>
public readonly record struct Figure(double Mean, double? Deviation)
{
    /// <summary>The deviation relative to the mean.</summary>
    public double? Relative => Deviation / Mean;

    /// <summary>A quotient over samples: sum over sum, and the deviation of the samples' own quotients.</summary>
    internal static Figure Of(IReadOnlyList<EnergySample> samples, Func<EnergySample, double> numerator, Func<EnergySample, double> denominator)
    {
        double mean = samples.Sum(numerator) / samples.Sum(denominator);
        if (samples.Count < 2) return new Figure(mean, null);
        double[] quotients = [.. samples.Select(sample => numerator(sample) / denominator(sample))];
        double centre = quotients.Average();
        return new Figure(mean, Math.Sqrt(quotients.Sum(quotient => (quotient - centre) * (quotient - centre)) / (quotients.Length - 1)));
    }
}

/// <summary>A run or a plan in windows: its speed, and its energy where that was measured.</summary>
/// <param name="Name">Which.</param>
/// <param name="Source">A constant of <see cref="EnergySources"/>.</param>
/// <param name="Samples">The windows, one or more.</param>
/// <param name="IsImprecise">Whether windows are shorter than what the meter can tell.</param>
public sealed record EnergySeries(string Name, string Source, IReadOnlyList<EnergySample> Samples, bool IsImprecise = false)
{
    /// <summary>Whether its joules are measured, over windows long enough.</summary>
    public bool IsMeasured => Source != EnergySources.Estimate && !IsImprecise;

    /// <summary>Tokens of a second.</summary>
    public Figure TokensPerSecond => Figure.Of(Samples, sample => sample.Tokens, sample => sample.Seconds);

    /// <summary>Joules of a token.</summary>
    public Figure JoulesPerToken => Figure.Of(Samples, sample => sample.Joules, sample => sample.Tokens);

    /// <summary>Mean power.</summary>
    public Figure Watts => Figure.Of(Samples, sample => sample.Joules, sample => sample.Seconds);
}
