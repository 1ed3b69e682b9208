namespace Litespark.Tests.Peers;

/// <summary>A tensor that the reference wrote: its shape and its elements in row-major order.</summary>
internal sealed record PeerTensor(int[] Shape, double[] Values)
{
    /// <summary>
    /// Largest |ours − reference| over the largest |reference|: the relative error of a tensor as a whole, which an
    /// element near zero doesn't blow up.
    /// </summary>
    public double RelativeErrorOf(ReadOnlySpan<float> ours)
    {
        Assert.Equal(Values.Length, ours.Length);
        double error = 0, scale = 0;
        for (int i = 0; i < ours.Length; i++)
        {
            // NaN must count as an infinite error, where Max would depend on the order.
            double difference = Math.Abs(ours[i] - Values[i]);
            error = double.IsNaN(difference) ? double.PositiveInfinity : Math.Max(error, difference);
            scale = Math.Max(scale, Math.Abs(Values[i]));
        }

        return error / Math.Max(scale, 1e-12);
    }

    /// <summary>Norm of the difference over the norm of the reference.</summary>
    public double NormErrorOf(ReadOnlySpan<float> ours)
    {
        Assert.Equal(Values.Length, ours.Length);
        double error = 0, scale = 0;
        for (int i = 0; i < ours.Length; i++)
        {
            error += Math.Pow(ours[i] - Values[i], 2);
            scale += Math.Pow(Values[i], 2);
        }

        return double.IsNaN(error) ? double.PositiveInfinity : Math.Sqrt(error) / Math.Max(Math.Sqrt(scale), 1e-12);
    }
}
