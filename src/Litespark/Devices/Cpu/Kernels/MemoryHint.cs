using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Hints to the memory system; they change no result.</summary>
internal static unsafe class MemoryHint
{
    /// <summary>Begins to fetch the cache line of an address, which may lie anywhere. The hardware's own prefetcher starts anew with
    /// every stream and every page; a kernel that knows where it will read next says so.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(float* address)
    {
        if (Sse.IsSupported) Sse.Prefetch0(address);
    }

    /// <summary>How far ahead a loop over contiguous elements asks, in floats: 2 KiB.</summary>
    public const int Ahead = 512;

    /// <summary>Begins to fetch what a register will hold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PrefetchRegister<T>(float* address) where T : struct, ISimd<T>
    {
        for (int i = 0; i < T.Count; i += 16) Prefetch(address + i);
    }
}
