using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// A part of a matrix that will be read soon, from the last cache or from memory: whoever is busy otherwise asks for it meanwhile, some rows in every
/// turn. It comes into the second cache. By default nothing.
/// </summary>
internal unsafe struct SoonRead(float* data, nint stride, int rows, int columns)
{
    readonly nint stride = stride;
    readonly int rows = rows, columns = columns;
    float* next = data;
    int turns = 1, due;

    /// <summary>Before the first turn: all rows are asked for in so many, at least one.</summary>
    public void Begin(int inTurns) => turns = inTurns;

    /// <summary>A turn.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Ask()
    {
        for (due += rows; due >= turns; due -= turns, next += stride) Prefetch.Nearby(next, columns);
    }
}
