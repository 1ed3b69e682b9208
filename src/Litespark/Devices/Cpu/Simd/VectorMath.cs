using System.Runtime.CompilerServices;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>Elementary functions on registers, to about fp32 rounding; generic over the width. NaN stays NaN.</summary>
internal static class VectorMath
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>e^x as <see cref="Exponential{T}.Of"/>; a loop makes an <see cref="Exponential{T}"/> of its own.</summary>
    [MethodImpl(Inline)]
    public static T Exp<T>(T x) where T : struct, ISimd<T> => Exponential<T>.Create().Of(x);

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

    /// <summary>
    /// erf x with an absolute error below 4e-7 and a relative one below 3e-7 near 0: x · P(x²) / Q(x²) up to 4, fitted for the least
    /// largest relative error to erf with an excess of 2.2e-7 at the end, so that it reaches 1 there however it is rounded; ±1 beyond.
    /// </summary>
    [MethodImpl(Inline)]
    public static T Erf<T>(T x) where T : struct, ISimd<T>
    {
        T clamped = T.Max(T.Broadcast(-4f), T.Min(T.Broadcast(4f), x)), z = clamped * clamped;
        T p = T.MultiplyAdd(T.Broadcast(1.98863222e-6f), z, T.Broadcast(0.00028461995f));
        p = T.MultiplyAdd(p, z, T.Broadcast(0.00388187356f));
        p = T.MultiplyAdd(p, z, T.Broadcast(0.0530981794f));
        p = T.MultiplyAdd(p, z, T.Broadcast(0.193501562f));
        p = T.MultiplyAdd(p, z, T.Broadcast(1.12837911f));
        T q = T.MultiplyAdd(T.Broadcast(3.74408082e-5f), z, T.Broadcast(0.0011853535f));
        q = T.MultiplyAdd(q, z, T.Broadcast(0.015204492f));
        q = T.MultiplyAdd(q, z, T.Broadcast(0.115333974f));
        q = T.MultiplyAdd(q, z, T.Broadcast(0.504818857f));
        q = T.MultiplyAdd(q, z, T.Broadcast(1f));
        return T.Max(T.Broadcast(-1f), T.Min(T.Broadcast(1f), p * clamped / q));
    }
}
