namespace Litespark.Benchmarks.Measuring;

/// <summary>The little statistics that results need.</summary>
internal static class Statistics
{
    /// <summary>The middle value; of an even number the mean of the two in the middle.</summary>
    /// <exception cref="ArgumentException">There are no values.</exception>
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0) throw new ArgumentException("no values", nameof(values));
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    /// <summary>The value below which a share of the values lies, between two values in proportion; 0.25 and 0.75 are the quartiles.</summary>
    /// <exception cref="ArgumentException">There are no values, or the share is not from 0 to 1.</exception>
    public static double Quantile(IEnumerable<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0 || share is not (>= 0 and <= 1)) throw new ArgumentException("no values, or no share", nameof(values));
        double place = share * (sorted.Length - 1);
        int below = (int)place, above = Math.Min(below + 1, sorted.Length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }

    /// <summary>The geometric mean of positive values: that of ratios, which does not depend on which side is divided by which.</summary>
    /// <exception cref="ArgumentException">There are no values, or one is not positive.</exception>
    public static double GeometricMean(IEnumerable<double> values)
    {
        double[] all = [.. values];
        if (all.Length == 0 || all.Any(value => !(value > 0))) throw new ArgumentException("positive values are needed", nameof(values));
        return Math.Exp(all.Average(Math.Log));
    }

    /// <summary>
    /// How much faster the first side does all of the work: Σ weight / (rate of the second) over Σ weight / (rate of the first).
    /// With FLOPs as weights this is the ratio of the times for all rows together.
    /// </summary>
    public static double WeightedRatio(IEnumerable<(double Weight, double First, double Second)> rows)
    {
        (double first, double second) = (0, 0);
        foreach ((double weight, double firstRate, double secondRate) in rows) (first, second) = (first + weight / firstRate, second + weight / secondRate);
        return second / first;
    }

    /// <summary>Largest difference between two results, relative to the largest magnitude of the second.</summary>
    /// <exception cref="ArgumentException">They are not of one length.</exception>
    public static double RelativeError(ReadOnlySpan<float> values, ReadOnlySpan<float> reference)
    {
        if (values.Length != reference.Length) throw new ArgumentException("not of one length", nameof(reference));
        double difference = 0, magnitude = 0;
        for (int i = 0; i < values.Length; i++)
        {
            double d = Math.Abs((double)values[i] - reference[i]);
            if (double.IsNaN(d)) return double.NaN;
            difference = Math.Max(difference, d);
            magnitude = Math.Max(magnitude, Math.Abs((double)reference[i]));
        }

        return magnitude > 0 ? difference / magnitude : difference;
    }
}
