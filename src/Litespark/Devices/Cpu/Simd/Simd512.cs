using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>Sixteen floats in one 512-bit register.</summary>
internal readonly unsafe struct Simd512 : ISimd<Simd512>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    readonly Vector512<float> v;

    [MethodImpl(Inline)] Simd512(Vector512<float> v) => this.v = v;

    public static int Count { [MethodImpl(Inline)] get => 16; }
    public static Simd512 Zero { [MethodImpl(Inline)] get => new(Vector512<float>.Zero); }
    public static Simd512 Indices { [MethodImpl(Inline)] get => new(Vector512<float>.Indices); }
    [MethodImpl(Inline)] public static Simd512 Load(float* source) => new(Vector512.Load(source));
    [MethodImpl(Inline)] public static void Store(Simd512 value, float* destination) => value.v.Store(destination);
    [MethodImpl(Inline)] public static void Stream(Simd512 value, float* destination) => value.v.StoreAlignedNonTemporal(destination);
    [MethodImpl(Inline)] public static Simd512 Broadcast(float value) => new(Vector512.Create(value));

    [MethodImpl(Inline)]
    public static Simd512 LoadFirst(float* source, int count, float pad)
        => Avx512F.IsSupported ? new(Avx512F.MaskLoad(source, First(count), Vector512.Create(pad))) : LaneByLane.Load<Simd512>(source, count, pad);

    [MethodImpl(Inline)]
    public static void StoreFirst(Simd512 value, float* destination, int count)
    {
        if (Avx512F.IsSupported) Avx512F.MaskStore(destination, First(count), value.v);
        else LaneByLane.Store(value, destination, count);
    }

    [MethodImpl(Inline)]
    static Vector512<float> First(int count) => Vector512.GreaterThan(Vector512.Create(count), Vector512<int>.Indices).AsSingle();

    [MethodImpl(Inline)] public static Simd512 MultiplyAdd(Simd512 a, Simd512 b, Simd512 c) => new(Vector512.MultiplyAddEstimate(a.v, b.v, c.v));
    [MethodImpl(Inline)] public static Simd512 Min(Simd512 a, Simd512 b) => new(Vector512.MinNative(a.v, b.v));
    [MethodImpl(Inline)] public static Simd512 Max(Simd512 a, Simd512 b) => new(Vector512.MaxNative(a.v, b.v));
    [MethodImpl(Inline)] public static Simd512 Sqrt(Simd512 value) => new(Vector512.Sqrt(value.v));

    [MethodImpl(Inline)]
    public static Simd512 AddToExponent(Simd512 value, Simd512 bits)
        => new((value.v.AsInt32() + Vector512.ShiftLeft(bits.v.AsInt32(), 23)).AsSingle());

    [MethodImpl(Inline)]
    public static Simd512 SelectGreaterOrEqual(Simd512 a, Simd512 b, Simd512 whenTrue, Simd512 whenFalse)
        => new(Vector512.ConditionalSelect(Vector512.GreaterThanOrEqual(a.v, b.v), whenTrue.v, whenFalse.v));

    [MethodImpl(Inline)] public static float Sum(Simd512 value) => Vector512.Sum(value.v);

    [MethodImpl(Inline)]
    public static float HorizontalMax(Simd512 value)
    {
        Vector256<float> h = Vector256.MaxNative(value.v.GetLower(), value.v.GetUpper());
        Vector128<float> m = Vector128.MaxNative(h.GetLower(), h.GetUpper());
        m = Vector128.MaxNative(m, Vector128.Shuffle(m, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(m.ToScalar(), m.GetElement(1));
    }

    [MethodImpl(Inline)] public static Simd512 operator +(Simd512 a, Simd512 b) => new(a.v + b.v);
    [MethodImpl(Inline)] public static Simd512 operator -(Simd512 a, Simd512 b) => new(a.v - b.v);
    [MethodImpl(Inline)] public static Simd512 operator *(Simd512 a, Simd512 b) => new(a.v * b.v);
    [MethodImpl(Inline)] public static Simd512 operator /(Simd512 a, Simd512 b) => new(a.v / b.v);
}
