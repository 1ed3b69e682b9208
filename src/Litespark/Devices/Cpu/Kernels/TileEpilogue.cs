using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>Work on a finished tile of C while it is hot in the first cache.</summary>
internal unsafe interface ITileEpilogue
{
    /// <summary>The tile of rows × columns at <paramref name="c"/> begins at (row, column) of C.</summary>
    void Apply(float* c, nint ldc, int rows, int columns, int row, int column);
}

/// <summary>Leaves the tile as it is.</summary>
internal readonly struct NoEpilogue : ITileEpilogue
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void Apply(float* c, nint ldc, int rows, int columns, int row, int column) { }
}

/// <summary>Adds bias[N] to every row.</summary>
internal readonly unsafe struct BiasEpilogue<T>(float* bias) : ITileEpilogue where T : struct, ISimd<T>
{
    readonly float* bias = bias;

    /// <inheritdoc/>
    public void Apply(float* c, nint ldc, int rows, int columns, int row, int column)
    {
        float* b = bias + column;
        for (int r = 0; r < rows; r++, c += ldc)
        {
            int j = 0;
            for (; j + T.Count <= columns; j += T.Count) T.Store(T.Load(c + j) + T.Load(b + j), c + j);
            for (; j < columns; j++) c[j] += b[j];
        }
    }
}
