using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>A non-linearity f and its derivative f′, lane by lane; the caller's loop keeps the constants of e^x at hand.</summary>
internal interface IActivation
{
    /// <summary>f(x).</summary>
    static abstract T Value<T>(in Exp2<T> exp2, T x) where T : struct, ISimd<T>;

    /// <summary>f(x) and f′(x), sharing what they have in common.</summary>
    static abstract T Value<T>(in Exp2<T> exp2, T x, out T slope) where T : struct, ISimd<T>;
}

/// <summary>x · σ(x); slope σ(x) · (1 + x · (1 − σ(x))).</summary>
internal readonly struct Silu : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(in Exp2<T> exp2, T x) where T : struct, ISimd<T> => x * exp2.Sigmoid(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(in Exp2<T> exp2, T x, out T slope) where T : struct, ISimd<T>
    {
        T sigmoid = exp2.Sigmoid(x), value = x * sigmoid;
        slope = T.MultiplyAdd(value, T.Broadcast(1f) - sigmoid, sigmoid);
        return value;
    }
}

/// <summary>x · Φ(x) with the normal distribution Φ(x) = ½ (1 + erf(x / √2)); slope Φ(x) + x · φ(x), φ(x) = e^(−x²/2) / √(2π).</summary>
internal readonly struct Gelu : IActivation
{
    const float HalfLog2E = 0.5f * Exp2.Log2E;

    /// <summary>log₂ √(2π): the density's factor goes into its exponent.</summary>
    const float Log2RootOf2Pi = 1.32574806f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(in Exp2<T> exp2, T x) where T : struct, ISimd<T> => x * VectorMath.NormalDistribution(x, x * x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(in Exp2<T> exp2, T x, out T slope) where T : struct, ISimd<T>
    {
        T square = x * x, distribution = VectorMath.NormalDistribution(x, square);
        T density = exp2.Of(T.MultiplyAdd(T.Broadcast(-HalfLog2E), square, T.Broadcast(-Log2RootOf2Pi)));
        slope = T.MultiplyAdd(x, density, distribution);
        return x * distribution;
    }
}

/// <summary>
/// ½ x (1 + tanh u), u = √(2/π) (x + 0.044715 x³) (Hendrycks and Gimpel, 2016), as x · σ(2u), which is the same and cheaper;
/// slope σ + x · σ (1 − σ) · 2u′(x).
/// </summary>
internal readonly struct GeluTanh : IActivation
{
    const float TwiceRootOf2OverPi = 1.59576912f;
    const float Cubic = 0.044715f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(in Exp2<T> exp2, T x) where T : struct, ISimd<T> => x * Gate(exp2, x, x * x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(in Exp2<T> exp2, T x, out T slope) where T : struct, ISimd<T>
    {
        T square = x * x, gate = Gate(exp2, x, square), value = x * gate;
        T inner = T.MultiplyAdd(T.Broadcast(3 * Cubic * TwiceRootOf2OverPi), square, T.Broadcast(TwiceRootOf2OverPi));
        slope = T.MultiplyAdd(value * (T.Broadcast(1f) - gate), inner, gate);
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static T Gate<T>(in Exp2<T> exp2, T x, T square) where T : struct, ISimd<T>
        => exp2.Sigmoid(x * T.MultiplyAdd(T.Broadcast(Cubic * TwiceRootOf2OverPi), square, T.Broadcast(TwiceRootOf2OverPi)));
}

/// <summary>max(x, 0); slope 1 above 0, else 0.</summary>
internal readonly struct Relu : IActivation
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(in Exp2<T> exp2, T x) where T : struct, ISimd<T> => T.SelectGreaterOrEqual(T.Zero, x, T.Zero, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Value<T>(in Exp2<T> exp2, T x, out T slope) where T : struct, ISimd<T>
    {
        slope = T.SelectGreaterOrEqual(T.Zero, x, T.Zero, T.Broadcast(1f));
        return Value(exp2, x);
    }
}
