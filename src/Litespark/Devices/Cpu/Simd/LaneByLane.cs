using System.Runtime.CompilerServices;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>Parts of a register through memory, where the machine has no masks.</summary>
internal static unsafe class LaneByLane
{
    /// <summary><see cref="ISimd{TSelf}.LoadFirst"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining), SkipLocalsInit]
    public static T Load<T>(float* source, int count, float pad) where T : struct, ISimd<T>
    {
        T rest = T.Broadcast(pad);
        ref float lanes = ref Unsafe.As<T, float>(ref rest);
        for (int i = 0; i < count; i++) Unsafe.Add(ref lanes, i) = source[i];
        return rest;
    }

    /// <summary><see cref="ISimd{TSelf}.StoreFirst"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining), SkipLocalsInit]
    public static void Store<T>(T value, float* destination, int count) where T : struct, ISimd<T>
    {
        T rest = value;
        ref float lanes = ref Unsafe.As<T, float>(ref rest);
        for (int i = 0; i < count; i++) destination[i] = Unsafe.Add(ref lanes, i);
    }
}
