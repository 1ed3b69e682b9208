using System.Runtime.CompilerServices;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>Elementary functions on registers, to about fp32 rounding; generic over the width. NaN stays NaN.</summary>
internal static class VectorMath
{
    /// <summary>
    /// The normal distribution Φ(x) = ½ (1 + erf(x / √2)) with an absolute error below 2e-7, within [0, 1], from x and x². It is
    /// ½ + x · P(x²) / Q(x²), fitted up to x² = 32 for the least largest relative error of erf, with an excess of 1.2e-7 there; both
    /// polynomials stand still beyond, so that the product with x only grows and the bounds cut it off.
    /// The two are written in turns: neither waits for its own last step.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T NormalDistribution<T>(T x, T square) where T : struct, ISimd<T>
    {
        T z = T.Min(T.Broadcast(32f), square);
        T p = T.MultiplyAdd(T.Broadcast(2.19714895e-8f), z, T.Broadcast(6.28927182e-6f));
        T q = T.MultiplyAdd(T.Broadcast(1.17002526e-6f), z, T.Broadcast(7.40845935e-5f));
        p = T.MultiplyAdd(p, z, T.Broadcast(0.000171556196f));
        q = T.MultiplyAdd(q, z, T.Broadcast(0.0019005615f));
        p = T.MultiplyAdd(p, z, T.Broadcast(0.00469326042f));
        q = T.MultiplyAdd(q, z, T.Broadcast(0.0288334936f));
        p = T.MultiplyAdd(p, z, T.Broadcast(0.0342065655f));
        q = T.MultiplyAdd(q, z, T.Broadcast(0.252409428f));
        p = T.MultiplyAdd(p, z, T.Broadcast(0.398942262f));
        q = T.MultiplyAdd(q, z, T.Broadcast(1f));
        return T.Max(T.Zero, T.Min(T.Broadcast(1f), T.Broadcast(0.5f) + p * x / q));
    }
}
