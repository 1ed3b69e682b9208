using System.Runtime.CompilerServices;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>Elementary functions on registers, to about fp32 rounding; generic over the width. NaN stays NaN.</summary>
internal static class VectorMath
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

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
