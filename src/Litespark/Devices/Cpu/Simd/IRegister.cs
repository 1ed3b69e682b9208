using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>
/// What a register tile does with the processor's vectors themselves. Their wrappers (<see cref="ISimd{TSelf}"/>) cost nothing elsewhere, but here
/// the JIT ends every second multiply-add in the register of a factor and moves it back: a quarter more instructions, which is time wherever
/// another thread shares the core.
/// </summary>
internal unsafe interface IRegister<TVector> where TVector : struct
{
    /// <summary>Number of floats.</summary>
    static abstract int Count { get; }

    static abstract TVector Load(float* source);
    static abstract void Store(TVector value, float* destination);

    /// <summary>Stores past the caches, to an address that is a multiple of the register: <see cref="StreamingStores"/>.</summary>
    static abstract void Stream(TVector value, float* destination);
    static abstract TVector Broadcast(float value);

    /// <summary>a · b + c: fused where the machine has it, else multiplied and added.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);

    /// <summary>*a in all lanes · b + c: one instruction where it can take its operand from memory.</summary>
    static abstract TVector MultiplyAdd(float* a, TVector b, TVector c);
    static abstract TVector Add(TVector a, TVector b);
}

/// <summary>512 bits.</summary>
internal readonly unsafe struct Register512 : IRegister<Vector512<float>>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    public static int Count { [MethodImpl(Inline)] get => 16; }
    [MethodImpl(Inline)] public static Vector512<float> Load(float* source) => Vector512.Load(source);
    [MethodImpl(Inline)] public static void Store(Vector512<float> value, float* destination) => value.Store(destination);
    [MethodImpl(Inline)] public static void Stream(Vector512<float> value, float* destination) => value.StoreAlignedNonTemporal(destination);
    [MethodImpl(Inline)] public static Vector512<float> Broadcast(float value) => Vector512.Create(value);
    [MethodImpl(Inline)] public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Vector512.MultiplyAddEstimate(a, b, c);
    [MethodImpl(Inline)] public static Vector512<float> MultiplyAdd(float* a, Vector512<float> b, Vector512<float> c) => Vector512.MultiplyAddEstimate(b, Vector512.Create(*a), c);
    [MethodImpl(Inline)] public static Vector512<float> Add(Vector512<float> a, Vector512<float> b) => a + b;
}

/// <summary>256 bits.</summary>
internal readonly unsafe struct Register256 : IRegister<Vector256<float>>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    public static int Count { [MethodImpl(Inline)] get => 8; }
    [MethodImpl(Inline)] public static Vector256<float> Load(float* source) => Vector256.Load(source);
    [MethodImpl(Inline)] public static void Store(Vector256<float> value, float* destination) => value.Store(destination);
    [MethodImpl(Inline)] public static void Stream(Vector256<float> value, float* destination) => value.StoreAlignedNonTemporal(destination);
    [MethodImpl(Inline)] public static Vector256<float> Broadcast(float value) => Vector256.Create(value);
    [MethodImpl(Inline)] public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Vector256.MultiplyAddEstimate(a, b, c);
    [MethodImpl(Inline)] public static Vector256<float> MultiplyAdd(float* a, Vector256<float> b, Vector256<float> c) => Vector256.MultiplyAddEstimate(b, Vector256.Create(*a), c);
    [MethodImpl(Inline)] public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => a + b;
}

/// <summary>128 bits.</summary>
internal readonly unsafe struct Register128 : IRegister<Vector128<float>>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    public static int Count { [MethodImpl(Inline)] get => 4; }
    [MethodImpl(Inline)] public static Vector128<float> Load(float* source) => Vector128.Load(source);
    [MethodImpl(Inline)] public static void Store(Vector128<float> value, float* destination) => value.Store(destination);
    [MethodImpl(Inline)] public static void Stream(Vector128<float> value, float* destination) => value.StoreAlignedNonTemporal(destination);
    [MethodImpl(Inline)] public static Vector128<float> Broadcast(float value) => Vector128.Create(value);
    [MethodImpl(Inline)] public static Vector128<float> MultiplyAdd(Vector128<float> a, Vector128<float> b, Vector128<float> c) => Vector128.MultiplyAddEstimate(a, b, c);
    [MethodImpl(Inline)] public static Vector128<float> MultiplyAdd(float* a, Vector128<float> b, Vector128<float> c) => Vector128.MultiplyAddEstimate(b, Vector128.Create(*a), c);
    [MethodImpl(Inline)] public static Vector128<float> Add(Vector128<float> a, Vector128<float> b) => a + b;
}
