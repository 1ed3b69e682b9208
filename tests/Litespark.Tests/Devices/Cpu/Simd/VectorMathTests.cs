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

    static unsafe T Exp2<T>(T x) where T : struct, ISimd<T>
    {
        float* c = stackalloc float[VectorMath.Exp2ConstantCount];
        VectorMath.Exp2Constants(c);
        return VectorMath.Exp2(x, T.Broadcast(c[0]), T.Broadcast(c[1]), T.Broadcast(c[2]), T.Broadcast(c[3]),
            T.Broadcast(c[4]), T.Broadcast(c[5]), T.Broadcast(c[6]), T.Broadcast(c[7]));
    }

    static void CheckAccuracy<T>() where T : struct, ISimd<T>
    {
        Assert.InRange(LargestError<T>(VectorMath.Exp, Math.Exp, Grid(-87.3f, 88.3f, 40_000), relative: true), 0, 2e-7);
        Assert.InRange(LargestError<T>(VectorMath.Exp, Math.Exp, Grid(-1e-3f, 1e-3f, 1_000), relative: true), 0, 1.3e-7);
        Assert.InRange(LargestError<T>(x => Exponential<T>.Create().OfNegative(x), Math.Exp, Grid(-87.3f, 0, 40_000), relative: true), 0, 2e-7);
        Assert.InRange(LargestError<T>(Exp2, x => Math.Pow(2, x), Grid(-126, 126.9f, 40_000), relative: true), 0, 2e-7);
        Assert.InRange(LargestError<T>(x => Exponential<T>.Create().Sigmoid(x), x => 1 / (1 + Math.Exp(-x)), Grid(-40, 40, 40_000), relative: true), 0, 3e-7);
        Assert.InRange(LargestError<T>(VectorMath.Erf, ExactErf, Grid(-6, 6, 40_000), relative: false), 0, 4e-7);
        Assert.InRange(LargestError<T>(VectorMath.Erf, ExactErf, Grid(-0.1f, 0.1f, 1_000), relative: true), 0, 3e-7);
    }

    static void CheckExtremes<T>() where T : struct, ISimd<T>
    {
        float Exp(float x) => First(VectorMath.Exp(T.Broadcast(x)));
        Assert.Equal(1f, Exp(0));
        foreach (float x in new[] { float.NegativeInfinity, float.MinValue, -1e30f, -1000f, -88f })
        {
            Assert.Equal(0f, Exp(x));
            Assert.Equal(0f, First(Exponential<T>.Create().OfNegative(T.Broadcast(x))));
        }
        foreach (float x in new[] { float.NegativeInfinity, float.MinValue, -1e30f, -1000f, -127f })
            Assert.Equal(0f, First(Exp2(T.Broadcast(x))));
        Assert.Equal(float.NaN, First(Exp2(T.Broadcast(float.NaN))));
        foreach (float x in new[] { float.PositiveInfinity, float.MaxValue, 1000f }) Assert.InRange(Exp(x), 2e38f, float.MaxValue);
        foreach (float x in new[] { 20f, 1e30f, float.PositiveInfinity })
        {
            Assert.Equal(1f, First(VectorMath.Erf(T.Broadcast(x))));
            Assert.Equal(-1f, First(VectorMath.Erf(T.Broadcast(-x))));
            Assert.Equal(1f, First(Exponential<T>.Create().Sigmoid(T.Broadcast(x))));
            Assert.InRange(First(Exponential<T>.Create().Sigmoid(T.Broadcast(-x))), 0, 1e-8f);
        }
        T nan = T.Broadcast(float.NaN);
        Assert.Equal(float.NaN, First(VectorMath.Exp(nan)));
        Assert.Equal(float.NaN, First(Exponential<T>.Create().OfNegative(nan)));
        Assert.Equal(float.NaN, First(Exponential<T>.Create().Sigmoid(nan)));
        Assert.Equal(float.NaN, First(VectorMath.Erf(nan)));
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
