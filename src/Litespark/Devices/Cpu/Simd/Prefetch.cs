using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>
/// Hints to fetch memory that will be read or written soon; they change no result. The hardware's own prefetcher starts anew with every stream and
/// every page: a kernel that knows where it will read next says so.
/// </summary>
internal static unsafe class Prefetch
{
    /// <summary>How far ahead a loop over contiguous elements asks, in floats: 4 KiB.</summary>
    public const int Ahead = 1024;

    /// <summary>Fetches the cache line of an address, which need not be valid, into all caches. Does nothing where there is no such instruction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(float* address)
    {
        if (Sse.IsSupported) Sse.Prefetch0(address);
    }

    /// <summary>Fetches a line of each of some rows, so many floats apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Rows(float* row, nint stride, int rows)
    {
        for (int r = 0; r < rows; r++, row += stride) Line(row);
    }

    /// <summary>
    /// Fetches some floats into the second cache and not the first: more lines can be on their way to that one, and loads do not queue behind them.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Nearby(float* address, int count)
    {
        for (int i = 0; i < count; i += 16)
        {
            if (Sse.IsSupported) Sse.Prefetch1(address + i);
        }
    }

    /// <summary>Fetches what a register will hold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Register<T>(float* address) where T : struct, ISimd<T>
    {
        for (int i = 0; i < T.Count; i += 16) Line(address + i);
    }
}
