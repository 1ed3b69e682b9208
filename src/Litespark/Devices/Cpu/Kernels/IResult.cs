using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>How a kernel writes its results, as a type: each of its loops is compiled for one way.</summary>
internal unsafe interface IResult
{
    /// <summary>Whether results pass the caches by.</summary>
    static abstract bool Streams { get; }

    /// <summary>Stores a register.</summary>
    static abstract void Store<T>(T value, float* destination) where T : struct, ISimd<T>;
}

/// <summary>Results of any alignment that stay in the caches.</summary>
internal readonly unsafe struct CachedResult : IResult
{
    /// <inheritdoc/>
    public static bool Streams { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => false; }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(T value, float* destination) where T : struct, ISimd<T> => T.Store(value, destination);
}

/// <summary>Results of whole cache lines that are larger than what caches will keep until they are read (<see cref="StreamingStores.Pay"/>).</summary>
internal readonly unsafe struct StreamedResult : IResult
{
    /// <inheritdoc/>
    public static bool Streams { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => true; }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(T value, float* destination) where T : struct, ISimd<T> => T.Stream(value, destination);
}
