using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>Four floats in one 128-bit register.</summary>
internal readonly unsafe struct Simd128 : ISimd<Simd128>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    readonly Vector128<float> v;

    [MethodImpl(Inline)] Simd128(Vector128<float> v) => this.v = v;

    public static int Count { [MethodImpl(Inline)] get => 4; }
    public static Simd128 Zero { [MethodImpl(Inline)] get => new(Vector128<float>.Zero); }
    public static Simd128 Indices { [MethodImpl(Inline)] get => new(Vector128<float>.Indices); }
    [MethodImpl(Inline)] public static Simd128 Load(float* source) => new(Vector128.Load(source));
    [MethodImpl(Inline)] public static void Store(Simd128 value, float* destination) => value.v.Store(destination);
    [MethodImpl(Inline)] public static void Stream(Simd128 value, float* destination) => value.v.StoreAlignedNonTemporal(destination);
    [MethodImpl(Inline)] public static Simd128 Broadcast(float value) => new(Vector128.Create(value));
    [MethodImpl(Inline)] public static Simd128 LoadFirst(float* source, int count, float pad) => LaneByLane.Load<Simd128>(source, count, pad);
    [MethodImpl(Inline)] public static void StoreFirst(Simd128 value, float* destination, int count) => LaneByLane.Store(value, destination, count);
    [MethodImpl(Inline)] public static Simd128 MultiplyAdd(Simd128 a, Simd128 b, Simd128 c) => new(Vector128.MultiplyAddEstimate(a.v, b.v, c.v));
    [MethodImpl(Inline)] public static Simd128 Min(Simd128 a, Simd128 b) => new(Vector128.MinNative(a.v, b.v));
    [MethodImpl(Inline)] public static Simd128 Max(Simd128 a, Simd128 b) => new(Vector128.MaxNative(a.v, b.v));
    [MethodImpl(Inline)] public static Simd128 Sqrt(Simd128 value) => new(Vector128.Sqrt(value.v));

    [MethodImpl(Inline)]
    public static Simd128 AddToExponent(Simd128 value, Simd128 bits)
        => new((value.v.AsInt32() + Vector128.ShiftLeft(bits.v.AsInt32(), 23)).AsSingle());

    [MethodImpl(Inline)]
    public static Simd128 SelectGreaterOrEqual(Simd128 a, Simd128 b, Simd128 whenTrue, Simd128 whenFalse)
        => new(Vector128.ConditionalSelect(Vector128.GreaterThanOrEqual(a.v, b.v), whenTrue.v, whenFalse.v));

    [MethodImpl(Inline)] public static float Sum(Simd128 value) => Vector128.Sum(value.v);

    [MethodImpl(Inline)]
    public static float HorizontalMax(Simd128 value)
    {
        Vector128<float> m = value.v;
        m = Vector128.MaxNative(m, Vector128.Shuffle(m, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(m.ToScalar(), m.GetElement(1));
    }

    [MethodImpl(Inline)] public static Simd128 operator +(Simd128 a, Simd128 b) => new(a.v + b.v);
    [MethodImpl(Inline)] public static Simd128 operator -(Simd128 a, Simd128 b) => new(a.v - b.v);
    [MethodImpl(Inline)] public static Simd128 operator *(Simd128 a, Simd128 b) => new(a.v * b.v);
    [MethodImpl(Inline)] public static Simd128 operator /(Simd128 a, Simd128 b) => new(a.v / b.v);
}
