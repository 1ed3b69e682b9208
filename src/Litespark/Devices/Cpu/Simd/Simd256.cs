using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>Eight floats in one 256-bit register.</summary>
internal readonly unsafe struct Simd256 : ISimd<Simd256>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    readonly Vector256<float> v;

    [MethodImpl(Inline)] Simd256(Vector256<float> v) => this.v = v;

    public static int Count { [MethodImpl(Inline)] get => 8; }
    public static Simd256 Zero { [MethodImpl(Inline)] get => new(Vector256<float>.Zero); }
    public static Simd256 Indices { [MethodImpl(Inline)] get => new(Vector256<float>.Indices); }
    [MethodImpl(Inline)] public static Simd256 Load(float* source) => new(Vector256.Load(source));
    [MethodImpl(Inline)] public static void Store(Simd256 value, float* destination) => value.v.Store(destination);
    [MethodImpl(Inline)] public static void Stream(Simd256 value, float* destination) => value.v.StoreAlignedNonTemporal(destination);
    [MethodImpl(Inline)] public static Simd256 Broadcast(float value) => new(Vector256.Create(value));

    [MethodImpl(Inline)]
    public static Simd256 LoadFirst(float* source, int count, float pad)
    {
        if (!Avx.IsSupported) return LaneByLane.Load<Simd256>(source, count, pad);
        Vector256<float> first = Vector256.GreaterThan(Vector256.Create(count), Vector256<int>.Indices).AsSingle();
        return new(Vector256.ConditionalSelect(first, Avx.MaskLoad(source, first), Vector256.Create(pad)));
    }

    // A masked store of this width takes some forty micro-operations.
    [MethodImpl(Inline)] public static void StoreFirst(Simd256 value, float* destination, int count) => LaneByLane.Store(value, destination, count);

    [MethodImpl(Inline)] public static Simd256 MultiplyAdd(Simd256 a, Simd256 b, Simd256 c) => new(Vector256.MultiplyAddEstimate(a.v, b.v, c.v));
    [MethodImpl(Inline)] public static Simd256 Min(Simd256 a, Simd256 b) => new(Vector256.MinNative(a.v, b.v));
    [MethodImpl(Inline)] public static Simd256 Max(Simd256 a, Simd256 b) => new(Vector256.MaxNative(a.v, b.v));
    [MethodImpl(Inline)] public static Simd256 Sqrt(Simd256 value) => new(Vector256.Sqrt(value.v));

    [MethodImpl(Inline)]
    public static Simd256 AddToExponent(Simd256 value, Simd256 bits)
        => new((value.v.AsInt32() + Vector256.ShiftLeft(bits.v.AsInt32(), 23)).AsSingle());

    [MethodImpl(Inline)]
    public static Simd256 SelectGreaterOrEqual(Simd256 a, Simd256 b, Simd256 whenTrue, Simd256 whenFalse)
        => new(Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(a.v, b.v), whenTrue.v, whenFalse.v));

    [MethodImpl(Inline)] public static float Sum(Simd256 value) => Vector256.Sum(value.v);

    [MethodImpl(Inline)]
    public static float HorizontalMax(Simd256 value)
    {
        Vector128<float> m = Vector128.MaxNative(value.v.GetLower(), value.v.GetUpper());
        m = Vector128.MaxNative(m, Vector128.Shuffle(m, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(m.ToScalar(), m.GetElement(1));
    }

    [MethodImpl(Inline)] public static Simd256 operator +(Simd256 a, Simd256 b) => new(a.v + b.v);
    [MethodImpl(Inline)] public static Simd256 operator -(Simd256 a, Simd256 b) => new(a.v - b.v);
    [MethodImpl(Inline)] public static Simd256 operator *(Simd256 a, Simd256 b) => new(a.v * b.v);
    [MethodImpl(Inline)] public static Simd256 operator /(Simd256 a, Simd256 b) => new(a.v / b.v);
}
