using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Loads and stores that stop at the end of a row: with these, the body of a loop that steps by <c>T.Count</c> is written once
/// and serves the rest of the row too. Never touches memory past the row. The branch is always predicted but for the last step,
/// and the rest is handled in line: a call there would make the JIT keep a loop's registers in memory.
/// </summary>
internal static unsafe class Lanes
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>The next register, or the <paramref name="remaining"/> last elements followed by <paramref name="pad"/>.</summary>
    [MethodImpl(Inline), SkipLocalsInit]
    public static T Load<T>(float* source, int remaining, float pad = 0) where T : struct, ISimd<T>
    {
        if (remaining >= T.Count) return T.Load(source);
        T rest = T.Broadcast(pad);
        ref float lanes = ref Unsafe.As<T, float>(ref rest);
        for (int i = 0; i < remaining; i++) Unsafe.Add(ref lanes, i) = source[i];
        return rest;
    }

    /// <summary>Stores the register, or its first <paramref name="remaining"/> lanes.</summary>
    [MethodImpl(Inline), SkipLocalsInit]
    public static void Store<T>(T value, float* destination, int remaining) where T : struct, ISimd<T>
    {
        if (remaining >= T.Count)
        {
            T.Store(value, destination);
            return;
        }

        T rest = value;
        ref float lanes = ref Unsafe.As<T, float>(ref rest);
        for (int i = 0; i < remaining; i++) destination[i] = Unsafe.Add(ref lanes, i);
    }
}
