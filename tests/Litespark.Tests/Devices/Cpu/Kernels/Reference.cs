namespace Litespark.Tests.Devices.Cpu.Kernels;

/// <summary>Comparison with double-precision references.</summary>
internal static class Reference
{
    /// <summary>Every element within tolerance · (1 + |expected|).</summary>
    public static void AssertClose(double[] expected, double[] actual, double tolerance = 1e-5)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            bool close = Math.Abs(expected[i] - actual[i]) <= tolerance * (1 + Math.Abs(expected[i]));
            if (!close) Assert.Fail($"[{i}]: {actual[i]}, should be {expected[i]}");
        }
    }

    /// <summary>Gradient of Σ cotangent · f(x) by central differences of a double-precision f.</summary>
    public static double[] Gradient(Func<double[], double[]> f, double[] x, double[] cotangent)
    {
        const double Step = 1e-5;
        double[] gradient = new double[x.Length], moved = [.. x];
        for (int i = 0; i < x.Length; i++)
        {
            moved[i] = x[i] + Step;
            double above = Dot(f(moved), cotangent);
            moved[i] = x[i] - Step;
            gradient[i] = (above - Dot(f(moved), cotangent)) / (2 * Step);
            moved[i] = x[i];
        }

        return gradient;
    }

    public static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];

    static double Dot(double[] a, double[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
