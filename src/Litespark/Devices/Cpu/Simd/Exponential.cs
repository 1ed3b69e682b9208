using System.Runtime.CompilerServices;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>
/// e^x and what is made of it, with the constants as registers: made before a loop and used in it. Left to themselves, a compiler's
/// constants are operands in memory, and loading a dozen of them for every register of results takes longer than the arithmetic.
/// </summary>
internal readonly struct Exponential<T> where T : struct, ISimd<T>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    readonly T lowest, highest, log2E, magic, ln2High, ln2Low, ln2, c5, c4, c3, c2, c1, one;

    [MethodImpl(Inline)]
    Exponential(float[] constants)
    {
        (lowest, highest, log2E, magic) = (T.Broadcast(constants[0]), T.Broadcast(constants[1]), T.Broadcast(constants[2]), T.Broadcast(constants[3]));
        (ln2High, ln2Low, ln2) = (T.Broadcast(constants[4]), T.Broadcast(constants[5]), T.Broadcast(constants[12]));
        (c5, c4, c3, c2, c1) = (T.Broadcast(constants[6]), T.Broadcast(constants[7]), T.Broadcast(constants[8]), T.Broadcast(constants[9]), T.Broadcast(constants[10]));
        one = T.Broadcast(constants[11]);
    }

    /// <summary>The constants, loaded.</summary>
    [MethodImpl(Inline)] public static Exponential<T> Create() => new(ExponentialConstants.All);

    /// <summary>
    /// e^x with a relative error below 2e-7; 0 for x ≤ −87.7 (−∞ included), 2.4e38 for x ≥ 88.37; NaN stays NaN.
    /// </summary>
    [MethodImpl(Inline)] public T Of(T x) => OfNegative(T.Min(highest, x));

    /// <summary><see cref="Of"/> for x ≤ 0, as in softmax: no upper bound is looked after.</summary>
    [MethodImpl(Inline)]
    public T OfNegative(T x)
    {
        // In this order of operands a NaN goes through.
        T clamped = T.Max(lowest, x), shifted = Shifted(clamped), n = shifted - magic;
        return Polynomial(T.MultiplyAdd(n, ln2Low, T.MultiplyAdd(n, ln2High, clamped))) * T.ExponentFromLowBits(shifted);
    }

    /// <summary>1 / (1 + e^−x) with a relative error below 3e-7 for |x| up to 40; within [0, 1] elsewhere; NaN stays NaN.</summary>
    [MethodImpl(Inline)]
    public T Sigmoid(T x)
    {
        // e^y of y = −x, with ln 2 in one part.
        T clamped = T.Max(lowest, T.Min(highest, T.Zero - x)), shifted = Shifted(clamped);
        T p = Polynomial(T.MultiplyAdd(shifted - magic, ln2, clamped));
        return one / T.MultiplyAdd(p, T.ExponentFromLowBits(shifted), one);
    }

    /// <summary>x · log₂ e, rounded to an integer n by adding a number so large that no digits are left behind the point.</summary>
    [MethodImpl(Inline)] T Shifted(T x) => T.MultiplyAdd(x, log2E, magic);

    /// <summary>e^r for |r| ≤ ½ ln 2: the polynomial of <see cref="VectorMath.Exp2"/>, its variable scaled.</summary>
    [MethodImpl(Inline)]
    T Polynomial(T r)
    {
        T p = T.MultiplyAdd(T.MultiplyAdd(c5, r, c4), r, c3);
        return T.MultiplyAdd(T.MultiplyAdd(T.MultiplyAdd(p, r, c2), r, c1), r, one);
    }
}

/// <summary>The numbers behind <see cref="Exponential{T}"/>: in memory, for what the compiler knows to be constant it does not keep in registers.</summary>
internal static class ExponentialConstants
{
    /// <summary>Bounds, log₂ e, 1.5 · 2^23 + 127, −ln 2 in two parts, coefficients of the fifth to the zeroth power, −ln 2.</summary>
    /// <remarks>The lower bound is where the nearest power of two has the exponent −127, that of 0; the upper where it is still finite.</remarks>
    public static readonly float[] All =
    [
        -88f, 88.37f, VectorMath.Log2E, 0xC0_0000 + 127,
        -0.693359375f, 2.12194440e-4f,
        0.00829031009f, 0.0418979315f, 0.166676363f, 0.499991496f, 0.999999708f, 1f, -0.693147181f,
    ];
}
