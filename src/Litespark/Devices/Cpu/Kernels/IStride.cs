using System.Runtime.CompilerServices;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>A distance between rows, in floats, as a type: where it is constant, the compiler makes it a part of addresses.</summary>
internal interface IStride
{
    /// <summary>The distance, given what it is at run time.</summary>
    static abstract nint Of(nint stride);
}

/// <summary>Any distance.</summary>
internal readonly struct AnyStride : IStride
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Of(nint stride) => stride;
}

/// <summary>A cache line: that of panels with rows of 16 floats.</summary>
internal readonly struct LineStride : IStride
{
    /// <summary>Floats of a cache line.</summary>
    public const int Floats = 16;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static nint Of(nint stride) => Floats;
}
