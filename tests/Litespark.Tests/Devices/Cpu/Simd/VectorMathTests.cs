using Litespark.Devices.Cpu.Simd;

namespace Litespark.Tests.Devices.Cpu.Simd;

public sealed class VectorMathTests
{
    static unsafe float First<T>(T value) where T : struct, ISimd<T>
    {
        float* lanes = stackalloc float[16];
        T.Store(value, lanes);
        for (int i = 1; i < T.Count; i++) Assert.Equal(lanes[0], lanes[i]);
        return lanes[0];
    }

    static IEnumerable<float> Grid(float from, float to, int points)
    {
        for (int i = 0; i <= points; i++) yield return (float)(from + (to - (double)from) * i / points);
    }

    static double LargestError<T>(Func<T, T> function, Func<double, double> exact, IEnumerable<float> inputs, bool relative)
        where T : struct, ISimd<T>
    {
        double largest = 0;
        foreach (float x in inputs)
        {
            double expected = exact(x), error = Math.Abs(First(function(T.Broadcast(x))) - expected);
            largest = Math.Max(largest, relative && expected != 0 ? error / Math.Abs(expected) : error);
        }
        return largest;
    }

    /// <summary>erf by its Taylor series up to 3 and by the continued fraction of erfc above, in double precision.</summary>
    internal static double ExactErf(double x)
    {
        double a = Math.Abs(x), result;
        if (a < 3)
        {
            double term = a, sum = a;
            for (int n = 1; n < 120; n++)
            {
                term *= -a * a / n;
                sum += term / (2 * n + 1);
            }
            result = 2 / Math.Sqrt(Math.PI) * sum;
        }
        else
        {
            double fraction = 0;
            for (int k = 60; k >= 1; k--) fraction = k / 2.0 / (a + fraction);
            result = 1 - Math.Exp(-a * a) / (Math.Sqrt(Math.PI) * (a + fraction));
        }
        return x < 0 ? -result : result;
    }

    static T Distribution<T>(T x) where T : struct, ISimd<T> => VectorMath.NormalDistribution(x, x * x);

    static void CheckAccuracy<T>() where T : struct, ISimd<T>
    {
        Assert.InRange(LargestError<T>(x => Exp2<T>.Create().Of(x), x => Math.Pow(2, x), Grid(-126, 126.9f, 40_000), relative: true), 0, 2e-7);
        Assert.InRange(LargestError<T>(x => Exp2<T>.Create().Exp(x), Math.Exp, Grid(-1e-3f, 1e-3f, 1_000), relative: true), 0, 1.3e-7);
        foreach (float far in new[] { -1f, -10, -87 })
            Assert.InRange(LargestError<T>(x => Exp2<T>.Create().Exp(x), Math.Exp, Grid(far, 0, 40_000), relative: true), 0, 2e-7 - 8e-8 * far);
        Assert.InRange(LargestError<T>(x => Exp2<T>.Create().Sigmoid(x), x => 1 / (1 + Math.Exp(-x)), Grid(-40, 40, 40_000), relative: true), 0, 3e-7);
        Assert.InRange(LargestError<T>(Distribution, x => 0.5 + 0.5 * ExactErf(x / Math.Sqrt(2)), Grid(-9, 9, 40_000), relative: false), 0, 2e-7);
        // Around 0 all digits of the difference from ½ count.
        Assert.InRange(LargestError<T>(x => Distribution(x) - T.Broadcast(0.5f), x => 0.5 * ExactErf(x / Math.Sqrt(2)), Grid(-0.1f, 0.1f, 1_000), relative: false), 0, 4e-8);
    }

    static void CheckExtremes<T>() where T : struct, ISimd<T>
    {
        Assert.Equal(1f, First(Exp2<T>.Create().Exp(T.Zero)));
        foreach (float x in new[] { float.NegativeInfinity, float.MinValue, -1e30f, -1000f, -127f })
        {
            Assert.Equal(0f, First(Exp2<T>.Create().Of(T.Broadcast(x))));
            Assert.Equal(0f, First(Exp2<T>.Create().Exp(T.Broadcast(x))));
        }
        foreach (float x in new[] { 20f, 1e30f, float.PositiveInfinity })
        {
            Assert.Equal(1f, First(Distribution(T.Broadcast(x))));
            Assert.Equal(0f, First(Distribution(T.Broadcast(-x))));
            Assert.Equal(1f, First(Exp2<T>.Create().Sigmoid(T.Broadcast(x))));
            Assert.InRange(First(Exp2<T>.Create().Sigmoid(T.Broadcast(-x))), 0, 1e-8f);
        }
        T nan = T.Broadcast(float.NaN);
        Assert.Equal(float.NaN, First(Exp2<T>.Create().Of(nan)));
        Assert.Equal(float.NaN, First(Exp2<T>.Create().Exp(nan)));
        Assert.Equal(float.NaN, First(Exp2<T>.Create().Sigmoid(nan)));
        Assert.Equal(float.NaN, First(Distribution(nan)));
    }

    static unsafe void CheckParts<T>() where T : struct, ISimd<T>
    {
        float* source = stackalloc float[16], destination = stackalloc float[16];
        for (int count = 0; count < T.Count; count++)
        {
            for (int i = 0; i < 16; i++) (source[i], destination[i]) = (i + 1, -1);
            T.StoreFirst(T.LoadFirst(source, count, pad: 7), destination, count);
            for (int i = 0; i < 16; i++) Assert.Equal(i < count ? i + 1 : -1, destination[i]);
            T.Store(T.LoadFirst(source, count, pad: 7), destination);
            for (int i = 0; i < T.Count; i++) Assert.Equal(i < count ? i + 1 : 7, destination[i]);
        }
    }

    [Fact]
    public void Parts_of_a_register_are_loaded_and_stored()
    {
        CheckParts<Simd128>();
        CheckParts<Simd256>();
        CheckParts<Simd512>();
    }

    [Fact]
    public void Functions_are_accurate_to_fp32_on_128_bit_registers() => CheckAccuracy<Simd128>();

    [Fact]
    public void Functions_are_accurate_to_fp32_on_256_bit_registers() => CheckAccuracy<Simd256>();

    [Fact]
    public void Functions_are_accurate_to_fp32_on_512_bit_registers() => CheckAccuracy<Simd512>();

    [Fact]
    public void Extreme_inputs_give_limits_and_NaN_stays_NaN()
    {
        CheckExtremes<Simd128>();
        CheckExtremes<Simd256>();
        CheckExtremes<Simd512>();
    }
}
