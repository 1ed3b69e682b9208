using System.Runtime.CompilerServices;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>Elementary functions on registers, to about fp32 rounding; generic over the width. NaN stays NaN.</summary>
internal static class VectorMath
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>Inputs at or below give an exact 0: the nearest power of two has the exponent −127, that of 0.</summary>
    const float ExpUnderflow = -88f;

    /// <summary>Inputs above give the result of this one, 2.4e38: the largest power of two in it is still finite.</summary>
    const float ExpOverflow = 88.37f;

    /// <summary>
    /// e^x with a relative error below 2e-7; 0 for x ≤ −87.7 (−∞ included), 2.4e38 for x ≥ 88.37. Range reduction by multiples of
    /// ln 2, kept in two parts, then the polynomial of <see cref="Exp2"/>, its variable scaled.
    /// </summary>
    [MethodImpl(Inline)]
    public static T Exp<T>(T x) where T : struct, ISimd<T>
    {
        // In this order of operands a NaN goes through.
        T clamped = T.Max(T.Broadcast(ExpUnderflow), T.Min(T.Broadcast(ExpOverflow), x)), n = T.Round(clamped * T.Broadcast(Log2E));
        T r = T.MultiplyAdd(n, T.Broadcast(2.12194440e-4f), T.MultiplyAdd(n, T.Broadcast(-0.693359375f), clamped));
        T p = T.MultiplyAdd(T.Broadcast(0.00829031009f), r, T.Broadcast(0.0418979315f));
        p = T.MultiplyAdd(p, r, T.Broadcast(0.166676363f));
        p = T.MultiplyAdd(p, r, T.Broadcast(0.499991496f));
        p = T.MultiplyAdd(p, r, T.Broadcast(0.999999708f));
        p = T.MultiplyAdd(p, r, T.Broadcast(1f));
        return p * T.PowerOfTwo(n);
    }

    /// <summary>log₂ e: e^x = 2^(x · log₂ e).</summary>
    public const float Log2E = 1.44269504f;

    /// <summary>Floats that <see cref="Exp2Constants"/> writes.</summary>
    public const int Exp2ConstantCount = 8;

    /// <summary>
    /// Writes the constants of <see cref="Exp2"/>. Those written in code the JIT reads from memory at every use, and a loop over
    /// exponentials then waits for loads; those that a caller has loaded stay in registers.
    /// </summary>
    public static unsafe void Exp2Constants(float* destination)
    {
        // The least value, then 1.5 · 2^23: floats of this size are integers, of either sign of what was added. Then the polynomial.
        ReadOnlySpan<float> constants = [-127f, 12582912f, 0.00132647198f, 0.00967151315f, 0.0555073377f, 0.240222421f, 0.693146978f, 1f];
        constants.CopyTo(new Span<float>(destination, Exp2ConstantCount));
    }

    /// <summary>
    /// 2^x for x below 127, with a relative error of about 2e-7 from −126 on; 0 for x ≤ −127 (−∞ included), between them below 2^−126.
    /// Cheaper than <see cref="Exp"/>: no overflow to look after, no range reduction in parts. The polynomial on [−½, ½] is fitted for
    /// the least largest relative error (9e-8) and exact at 0. The constants are broadcast from <see cref="Exp2Constants"/>, in its order.
    /// </summary>
    [MethodImpl(Inline)]
    public static T Exp2<T>(T x, T least, T rounder, T c5, T c4, T c3, T c2, T c1, T c0) where T : struct, ISimd<T>
    {
        // Adding the large number rounds to an integer, which the lowest bits of the sum then hold.
        T clamped = T.Max(least, x), shifted = clamped + rounder, r = clamped - (shifted - rounder);
        T p = T.MultiplyAdd(T.MultiplyAdd(c5, r, c4), r, c3);
        p = T.MultiplyAdd(T.MultiplyAdd(T.MultiplyAdd(p, r, c2), r, c1), r, c0);
        // At −127 the polynomial is 1, and its exponent field becomes 0 with it.
        return T.AddToExponent(p, shifted);
    }

    /// <summary>1 / (1 + e^−x).</summary>
    [MethodImpl(Inline)]
    public static T Sigmoid<T>(T x) where T : struct, ISimd<T>
        => T.Broadcast(1f) / (T.Broadcast(1f) + Exp(T.Zero - x));

    /// <summary>
    /// tanh x with a relative error of about 2e-7: an odd polynomial (coefficients of Cephes' tanhf) near 0,
    /// where 1 − 2 / (e^2|x| + 1) would cancel, and that formula elsewhere.
    /// </summary>
    [MethodImpl(Inline)]
    public static T Tanh<T>(T x) where T : struct, ISimd<T>
    {
        T one = T.Broadcast(1f), magnitude = T.Abs(x), z = x * x;
        T p = T.MultiplyAdd(T.Broadcast(-5.70498872745e-3f), z, T.Broadcast(2.06390887954e-2f));
        p = T.MultiplyAdd(p, z, T.Broadcast(-5.37397155531e-2f));
        p = T.MultiplyAdd(p, z, T.Broadcast(1.33314422036e-1f));
        p = T.MultiplyAdd(p, z, T.Broadcast(-3.33332819422e-1f));
        T small = T.MultiplyAdd(p * z, x, x);
        T large = one - T.Broadcast(2f) / (Exp(magnitude + magnitude) + one);
        return T.SelectGreaterOrEqual(T.Broadcast(0.625f), magnitude, small, WithSign(large, x));
    }

    /// <summary>
    /// erf x with an absolute error of about 1e-7: an odd polynomial up to 0.9, above it 1 − e^−p(|x|) where p fits −ln erfc
    /// on [0.9, 4] (both fitted for the least largest error); ±1 beyond, where erfc is below fp32 rounding.
    /// </summary>
    [MethodImpl(Inline)]
    public static T Erf<T>(T x) where T : struct, ISimd<T>
    {
        T magnitude = T.Min(T.Broadcast(4f), T.Abs(x)), z = magnitude * magnitude;
        T s = T.MultiplyAdd(T.Broadcast(-0.000593837073f), z, T.Broadcast(0.00497779728f));
        s = T.MultiplyAdd(s, z, T.Broadcast(-0.0267509159f));
        s = T.MultiplyAdd(s, z, T.Broadcast(0.11281134f));
        s = T.MultiplyAdd(s, z, T.Broadcast(-0.376123747f));
        s = T.MultiplyAdd(s, z, T.Broadcast(1.12837909f));
        T p = T.MultiplyAdd(T.Broadcast(-0.000197180504f), magnitude, T.Broadcast(0.00305559713f));
        p = T.MultiplyAdd(p, magnitude, T.Broadcast(-0.0222770509f));
        p = T.MultiplyAdd(p, magnitude, T.Broadcast(0.104037294f));
        p = T.MultiplyAdd(p, magnitude, T.Broadcast(0.637059818f));
        p = T.MultiplyAdd(p, magnitude, T.Broadcast(1.12774953f));
        p = T.MultiplyAdd(p, magnitude, T.Broadcast(0.000177501716f));
        T large = T.Broadcast(1f) - Exp(T.Zero - p);
        return T.SelectGreaterOrEqual(T.Broadcast(0.9f), magnitude, s * x, WithSign(large, x));
    }

    [MethodImpl(Inline)]
    static T WithSign<T>(T magnitude, T sign) where T : struct, ISimd<T>
        => T.SelectGreaterOrEqual(sign, T.Zero, magnitude, T.Zero - magnitude);
}
