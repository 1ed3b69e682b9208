using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Litespark.Devices.Cpu.Simd;

/// <summary>Hints to fetch memory that will be read soon, where the pattern is beyond the hardware's prefetcher.</summary>
internal static unsafe class Prefetch
{
    /// <summary>Fetches the cache line of an address, which need not be valid, into all caches. Does nothing where there is no such instruction.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(float* address)
    {
        if (Sse.IsSupported) Sse.Prefetch0(address);
    }
}
