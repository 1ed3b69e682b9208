using System.Numerics;
using Litespark.Devices.Cuda.Compilation;
using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Pins;

/// <summary>
/// Functions of numbers: the approximations with the errors that the PTX ISA states, CUDA's own with the errors of its programming
/// guide ("Mathematical Functions"), what IEEE 754 defines to the bit.
/// </summary>
internal static class FunctionPins
{
    const int Count = 256;
    const double SmallestNormal = 1.17549435e-38; // approximations take smaller results as zero
    static readonly double ulp = Math.ScaleB(1, -23);

    static readonly KernelVariant file = new("pins");

    /// <summary>All of them.</summary>
    public static IEnumerable<Pin> All(Random random)
    {
        yield return Approximate("fast_exp2", "pin_fast_exp2", [0, 1, -1, 126.5f, -126, float.NegativeInfinity, float.PositiveInfinity, float.NaN, .. Between(random, -40, 40)],
            x => Math.Pow(2, x), y => Math.Abs(y) * (Math.ScaleB(1, -22) + ulp / 2));
        yield return Approximate("fast_log2", "pin_fast_log2", [1, 0.5f, 2, 0, float.PositiveInfinity, float.NaN, 1.17549435e-38f, float.MaxValue, .. Between(random, 0.4, 2.2), .. Sizes(random)],
            x => Math.Log2(x), y => Math.Abs(y) <= 1 ? Math.ScaleB(1, -22) + ulp / 2 : Math.Abs(y) * (Math.ScaleB(1, -22) + ulp / 2));
        yield return Approximate("fast_rsqrt", "pin_fast_rsqrt", [1, 4, 0, float.PositiveInfinity, float.NaN, .. Sizes(random)], x => 1 / Math.Sqrt(x), y => y * (Math.Pow(2, -22.9) + ulp / 2));
        yield return Approximate("fast_reciprocal", "pin_fast_reciprocal", [1, -3, 0, float.PositiveInfinity, float.NaN, .. Sizes(random).Select((x, i) => i % 2 == 0 ? x : -x)],
            x => 1.0 / x, y => Math.Abs(y) * (ulp + ulp / 2) + SmallestNormal);
        yield return Approximate("fast_tanh", "pin_fast_tanh", [0, 20, -20, float.PositiveInfinity, float.NegativeInfinity, float.NaN, .. Between(random, -6, 6)],
            x => Math.Tanh(x), y => Math.Abs(y) * (Math.ScaleB(1, -11) + ulp));

        uint[] words = [0, 1, 0x80000000, 0xFFFFFFFE, .. PinSet.Words(random, Count - 4)];
        yield return Each("__float_as_uint, __uint_as_float", "pin_bits", words, [.. words]);
        yield return Each("__popc", "pin_popc", words, [.. words.Select(word => (uint)BitOperations.PopCount(word))]);
        yield return Each("__ffs", "pin_ffs", words, [.. words.Select(word => word == 0 ? 0 : (uint)BitOperations.TrailingZeroCount(word) + 1)]);

        float[] x = [1, 3, float.NaN, 0, -0f, .. Enumerable.Range(0, Count - 5).Select(_ => (float)(random.NextDouble() * 8 - 4))];
        float[] y = [3, 1, 1, float.NaN, 0, .. Enumerable.Range(0, Count - 5).Select(_ => (float)(random.NextDouble() * 8 - 4))];
        yield return Pair("fmaxf", "pin_fmaxf", x, y, (a, b) => float.IsNaN(a) ? b : float.IsNaN(b) ? a : MathF.Max(a, b)) with { Allowed = _ => 0 }; // −0 and +0 are one
        yield return Pair("fminf", "pin_fminf", x, y, (a, b) => float.IsNaN(a) ? b : float.IsNaN(b) ? a : MathF.Min(a, b)) with { Allowed = _ => 0 };
        yield return Pair("fmaf", "pin_fmaf", x[5..], y[5..], (a, b) => MathF.FusedMultiplyAdd(a, b, -1));
        yield return Pair("division", "pin_divide", x[5..], y[5..], (a, b) => (float)((double)a / b));
        yield return Pair("ceiling_division", "pin_ceiling_division", [0, 1, 31, 32, 33, 1000], [32, 32, 32, 32, 32, 7], (a, b) => BitConverter.UInt32BitsToSingle((uint)Math.Ceiling((double)a / b))) with { AreNumbers = false }; // integers
        yield return Pin("fabsf", "pin_fabsf", y, MathF.Abs, exact: true);
        yield return Pin("sqrtf", "pin_sqrtf", Sizes(random), x => (float)Math.Sqrt(x), exact: true);
        yield return Pin("expf", "pin_expf", [0, .. Between(random, -20, 20)], x => (float)Math.Exp(x));
        yield return Pin("logf", "pin_logf", [1, .. Sizes(random)], x => (float)Math.Log(x));
        yield return Pin("tanhf", "pin_tanhf", [0, .. Between(random, -6, 6)], x => (float)Math.Tanh(x));
        yield return Pin("erff", "pin_erff", [0, .. Between(random, -4, 4)], x => (float)Erf(x));
    }

    /// <summary>The error function by its series (Abramowitz and Stegun 7.1.6), which converges everywhere.</summary>
    static double Erf(double x)
    {
        double term = x, sum = x;
        for (int n = 1; Math.Abs(term) > 1e-20 && n < 400; n++) sum += term *= 2 * x * x / (2 * n + 1);
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    static Pin Each(string name, string kernel, uint[] input, uint[] expected) => new(name, file, kernel, new LaunchShape(1, input.Length), input, expected);

    static Pin Pair(string name, string kernel, float[] x, float[] y, Func<float, float, float> function)
        => new(name, file, kernel, new LaunchShape(1, x.Length), PinSet.Words(x.Zip(y, (a, b) => new[] { a, b }).SelectMany(pair => pair)), PinSet.Words(x.Zip(y, function))) { AreNumbers = true };

    static Pin Pin(string name, string kernel, float[] x, Func<float, float> function, bool exact = false)
        => Each(name, kernel, PinSet.Words(x), PinSet.Words(x.Select(function))) with { AreNumbers = true, Allowed = exact ? null : value => 3 * ulp * Math.Abs(value) };

    static Pin Approximate(string name, string kernel, float[] x, Func<double, double> function, Func<double, double> allowed)
        => Each(name, kernel, PinSet.Words(x), PinSet.Words(x.Select(value => (float)function(value)))) with { AreNumbers = true, Allowed = value => allowed(value) };

    static IEnumerable<float> Between(Random random, double low, double high) => Enumerable.Range(0, Count).Select(_ => (float)(low + (high - low) * random.NextDouble()));

    /// <summary>Positive numbers from 1e-30 to 1e30.</summary>
    static float[] Sizes(Random random) => [.. Enumerable.Range(0, Count).Select(_ => (float)Math.Pow(10, random.NextDouble() * 60 - 30))];
}
