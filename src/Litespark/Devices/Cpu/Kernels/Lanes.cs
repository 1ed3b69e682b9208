using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Loads and stores that stop at the end of a row: with these, the body of a loop that steps by <c>T.Count</c> is written once
/// and serves the rest of the row too. Never touches memory past the row. The branch is always predicted but for the last step.
/// </summary>
internal static unsafe class Lanes
{
    const int MaxCount = 16;

    /// <summary>The next register, or the <paramref name="remaining"/> last elements followed by <paramref name="pad"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Load<T>(float* source, int remaining, float pad = 0) where T : struct, ISimd<T>
        => remaining >= T.Count ? T.Load(source) : LoadRest<T>(source, remaining, pad);

    /// <summary>Stores the register, or its first <paramref name="remaining"/> lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(T value, float* destination, int remaining) where T : struct, ISimd<T>
    {
        if (remaining >= T.Count) T.Store(value, destination);
        else StoreRest(value, destination, remaining);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static T LoadRest<T>(float* source, int count, float pad) where T : struct, ISimd<T>
    {
        float* lanes = stackalloc float[MaxCount];
        for (int i = 0; i < T.Count; i++) lanes[i] = i < count ? source[i] : pad;
        return T.Load(lanes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void StoreRest<T>(T value, float* destination, int count) where T : struct, ISimd<T>
    {
        float* lanes = stackalloc float[MaxCount];
        T.Store(value, lanes);
        for (int i = 0; i < count; i++) destination[i] = lanes[i];
    }
}
