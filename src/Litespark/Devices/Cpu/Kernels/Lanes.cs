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
    [MethodImpl(Inline)]
    public static T Load<T>(float* source, int remaining, float pad = 0) where T : struct, ISimd<T>
        => remaining >= T.Count ? T.Load(source) : T.LoadFirst(source, remaining, pad);

    /// <summary>Stores the register, or its first <paramref name="remaining"/> lanes.</summary>
    [MethodImpl(Inline)]
    public static void Store<T>(T value, float* destination, int remaining) where T : struct, ISimd<T>
    {
        if (remaining >= T.Count) T.Store(value, destination);
        else T.StoreFirst(value, destination, remaining);
    }
}
