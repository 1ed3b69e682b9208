using System.Runtime.CompilerServices;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>
/// Two registers that go through every operation side by side. A long chain of dependent operations, such as an exponential, keeps
/// a processor waiting for results; with two chains in step it waits half as often. A kernel gains this by running with
/// <c>Pair&lt;T&gt;</c> where it ran with <c>T</c>.
/// </summary>
internal readonly unsafe struct Pair<T> : ISimd<Pair<T>> where T : struct, ISimd<T>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    readonly T low, high;

    [MethodImpl(Inline)]
    Pair(T low, T high)
    {
        this.low = low;
        this.high = high;
    }

    public static int Count { [MethodImpl(Inline)] get => 2 * T.Count; }
    public static Pair<T> Zero { [MethodImpl(Inline)] get => new(T.Zero, T.Zero); }
    [MethodImpl(Inline)] public static Pair<T> Load(float* source) => new(T.Load(source), T.Load(source + T.Count));

    [MethodImpl(Inline)]
    public static void Store(Pair<T> value, float* destination)
    {
        T.Store(value.low, destination);
        T.Store(value.high, destination + T.Count);
    }

    [MethodImpl(Inline)] public static Pair<T> Broadcast(float value) => new(T.Broadcast(value), T.Broadcast(value));
    [MethodImpl(Inline)] public static Pair<T> MultiplyAdd(Pair<T> a, Pair<T> b, Pair<T> c) => new(T.MultiplyAdd(a.low, b.low, c.low), T.MultiplyAdd(a.high, b.high, c.high));
    [MethodImpl(Inline)] public static Pair<T> Min(Pair<T> a, Pair<T> b) => new(T.Min(a.low, b.low), T.Min(a.high, b.high));
    [MethodImpl(Inline)] public static Pair<T> Max(Pair<T> a, Pair<T> b) => new(T.Max(a.low, b.low), T.Max(a.high, b.high));
    [MethodImpl(Inline)] public static Pair<T> Sqrt(Pair<T> value) => new(T.Sqrt(value.low), T.Sqrt(value.high));
    [MethodImpl(Inline)] public static Pair<T> Abs(Pair<T> value) => new(T.Abs(value.low), T.Abs(value.high));
    [MethodImpl(Inline)] public static Pair<T> Round(Pair<T> value) => new(T.Round(value.low), T.Round(value.high));
    [MethodImpl(Inline)] public static Pair<T> AddToExponent(Pair<T> value, Pair<T> bits) => new(T.AddToExponent(value.low, bits.low), T.AddToExponent(value.high, bits.high));
    [MethodImpl(Inline)] public static Pair<T> PowerOfTwo(Pair<T> n) => new(T.PowerOfTwo(n.low), T.PowerOfTwo(n.high));

    [MethodImpl(Inline)]
    public static Pair<T> SelectGreaterOrEqual(Pair<T> a, Pair<T> b, Pair<T> whenTrue, Pair<T> whenFalse)
        => new(T.SelectGreaterOrEqual(a.low, b.low, whenTrue.low, whenFalse.low), T.SelectGreaterOrEqual(a.high, b.high, whenTrue.high, whenFalse.high));

    [MethodImpl(Inline)] public static float Sum(Pair<T> value) => T.Sum(value.low + value.high);
    [MethodImpl(Inline)] public static float HorizontalMax(Pair<T> value) => T.HorizontalMax(T.Max(value.low, value.high));
    [MethodImpl(Inline)] public static Pair<T> operator +(Pair<T> a, Pair<T> b) => new(a.low + b.low, a.high + b.high);
    [MethodImpl(Inline)] public static Pair<T> operator -(Pair<T> a, Pair<T> b) => new(a.low - b.low, a.high - b.high);
    [MethodImpl(Inline)] public static Pair<T> operator *(Pair<T> a, Pair<T> b) => new(a.low * b.low, a.high * b.high);
    [MethodImpl(Inline)] public static Pair<T> operator /(Pair<T> a, Pair<T> b) => new(a.low / b.low, a.high / b.high);
}
