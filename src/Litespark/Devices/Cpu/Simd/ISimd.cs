using System.Runtime.Intrinsics;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>
/// A register of floats. Kernels are written once, generic over the width; the JIT specialises them per struct,
/// so the abstraction costs nothing (accumulators stay in registers as long as they are locals).
/// </summary>
internal unsafe interface ISimd<TSelf> where TSelf : struct, ISimd<TSelf>
{
    /// <summary>Number of floats in the register.</summary>
    static abstract int Count { get; }

    static abstract TSelf Zero { get; }

    /// <summary>0, 1, 2, …: of each lane its number.</summary>
    static abstract TSelf Indices { get; }
    static abstract TSelf Load(float* source);
    static abstract void Store(TSelf value, float* destination);

    /// <summary>Stores past the caches (<see cref="StreamingStores"/>); the destination is a multiple of the register's size.</summary>
    static abstract void Stream(TSelf value, float* destination);
    static abstract TSelf Broadcast(float value);

    /// <summary>The first <paramref name="count"/> floats, 0 to <see cref="Count"/> − 1, then <paramref name="pad"/>; what lies behind them is not touched.</summary>
    static abstract TSelf LoadFirst(float* source, int count, float pad);

    /// <summary>Stores the first <paramref name="count"/> lanes, 0 to <see cref="Count"/> − 1.</summary>
    static abstract void StoreFirst(TSelf value, float* destination, int count);

    /// <summary>a · b + c: fused where the machine has it, else multiplied and added.</summary>
    static abstract TSelf MultiplyAdd(TSelf a, TSelf b, TSelf c);
    static abstract TSelf Min(TSelf a, TSelf b);
    static abstract TSelf Max(TSelf a, TSelf b);
    static abstract TSelf Sqrt(TSelf value);

    /// <summary>value · 2^n, where n is the number in the lowest bits of <paramref name="bits"/>: the integer n · 2^23 added to the value's bits.</summary>
    static abstract TSelf AddToExponent(TSelf value, TSelf bits);

    /// <summary>Lanes of <paramref name="whenTrue"/> where a ≥ b, else of <paramref name="whenFalse"/>.</summary>
    static abstract TSelf SelectGreaterOrEqual(TSelf a, TSelf b, TSelf whenTrue, TSelf whenFalse);

    /// <summary>Sum over the lanes, in a fixed order.</summary>
    static abstract float Sum(TSelf value);
    static abstract float HorizontalMax(TSelf value);
    static abstract TSelf operator +(TSelf a, TSelf b);
    static abstract TSelf operator -(TSelf a, TSelf b);
    static abstract TSelf operator *(TSelf a, TSelf b);
    static abstract TSelf operator /(TSelf a, TSelf b);
}

/// <summary>The width that this machine runs; decided once, folded by the JIT.</summary>
internal static class SimdWidth
{
    /// <summary>Floats per register in use: 16 (AVX-512), 8 (AVX2) or 4 (SSE, NEON, software).</summary>
    public static int Count => Vector512.IsHardwareAccelerated ? 16 : Vector256.IsHardwareAccelerated ? 8 : 4;

    /// <summary>Name for result pages and doctor.</summary>
    public static string Name => Count switch { 16 => "AVX-512", 8 => "AVX2", _ => Vector128.IsHardwareAccelerated ? "128-bit" : "scalar" };
}
