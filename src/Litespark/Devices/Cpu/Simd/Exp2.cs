using System.Runtime.CompilerServices;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>
/// 2^x and the logistic function, with the constants as registers: made before a loop and used in it. Left to itself, the compiler has
/// constants as operands in memory, and loading a dozen of them for every register of results takes longer than the arithmetic.
/// </summary>
internal readonly struct Exp2<T> where T : struct, ISimd<T>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    readonly T least, rounder, c5, c4, c3, c2, c1, one, farthest, nearest, log2E, minusLog2E, minusLog2ELow;

    [MethodImpl(Inline)]
    Exp2(float[] constants)
    {
        (least, rounder) = (T.Broadcast(constants[0]), T.Broadcast(constants[1]));
        (c5, c4, c3) = (T.Broadcast(constants[2]), T.Broadcast(constants[3]), T.Broadcast(constants[4]));
        (c2, c1, one) = (T.Broadcast(constants[5]), T.Broadcast(constants[6]), T.Broadcast(constants[7]));
        (farthest, nearest) = (T.Broadcast(constants[8]), T.Broadcast(constants[9]));
        (log2E, minusLog2E, minusLog2ELow) = (T.Broadcast(constants[10]), T.Broadcast(constants[11]), T.Broadcast(constants[12]));
    }

    /// <summary>The constants, loaded.</summary>
    [MethodImpl(Inline)] public static Exp2<T> Create() => new(Exp2.Constants);

    /// <summary>
    /// 2^x for x below 127, with a relative error of about 2e-7 from −126 on; 0 for x ≤ −127 (−∞ included), between them below 2^−126;
    /// NaN stays NaN.
    /// </summary>
    [MethodImpl(Inline)]
    public T Of(T x)
    {
        // Adding the large number rounds to an integer, which the lowest bits of the sum then hold. In this order of operands a NaN goes through.
        T clamped = T.Max(least, x), shifted = clamped + rounder;
        return Power(clamped - (shifted - rounder), shifted);
    }

    /// <summary>e^x for x below 88, otherwise as <see cref="Of"/>, but for a relative error of 8e-8 |x| more, which the product brings: the
    /// terms of a softmax with a large |x| are those that hardly count.</summary>
    [MethodImpl(Inline)] public T Exp(T x) => Of(x * log2E);

    /// <summary>1 / (1 + e^−x) with a relative error below 3e-7 for |x| up to 40; within [0, 1] elsewhere; NaN stays NaN.</summary>
    [MethodImpl(Inline)]
    public T Sigmoid(T x)
    {
        // −x · log₂ e less its nearest integer, log₂ e in two parts: one alone would be off by 1.3e-8 |x|.
        T clamped = T.Max(farthest, T.Min(nearest, x)), shifted = T.MultiplyAdd(clamped, minusLog2E, rounder);
        T r = T.MultiplyAdd(clamped, minusLog2ELow, T.MultiplyAdd(clamped, minusLog2E, rounder - shifted));
        return one / (one + Power(r, shifted));
    }

    /// <summary>
    /// 2^(r + n) for |r| ≤ ½ and the integer n in the lowest bits of <paramref name="shifted"/>. The polynomial is fitted for the least
    /// largest relative error (9e-8) and exact at 0: where the exponent's field becomes 0, at −127, the result is 0.
    /// </summary>
    [MethodImpl(Inline)]
    T Power(T r, T shifted)
    {
        T p = T.MultiplyAdd(T.MultiplyAdd(c5, r, c4), r, c3);
        return T.AddToExponent(T.MultiplyAdd(T.MultiplyAdd(T.MultiplyAdd(p, r, c2), r, c1), r, one), shifted);
    }
}

/// <summary>The numbers behind <see cref="Exp2{T}"/>.</summary>
internal static class Exp2
{
    /// <summary>log₂ e: e^x = 2^(x · log₂ e).</summary>
    public const float Log2E = 1.44269504f;

    /// <summary>The least exponent; 1.5 · 2^23, floats of which size are integers, of either sign of what was added; the polynomial from the
    /// fifth power down; bounds of the logistic function, log₂ e and −log₂ e, and what the latter lacks. An array, for what the compiler knows to be constant it does not keep
    /// in registers.</summary>
    public static readonly float[] Constants =
        [-127f, 12582912f, 0.00132647198f, 0.00967151315f, 0.0555073377f, 0.240222421f, 0.693146978f, 1f, -87f, 87f, Log2E, -Log2E, -1.92596299e-8f];
}
