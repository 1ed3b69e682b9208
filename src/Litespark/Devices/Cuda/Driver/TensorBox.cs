namespace Litespark.Devices.Cuda.Driver;

/// <summary>
/// A matrix of bf16 on the GPU, and the size of the boxes that Hopper's copy engine brings from it into shared memory, with the 128-byte
/// swizzle that warpgroup products want. Kernels take it as the driver encodes it, by value.
/// </summary>
/// <param name="Address">First element, 16-byte aligned.</param>
/// <param name="Rows">Rows of the matrix: what lies behind them is read as zeros.</param>
/// <param name="Columns">Columns of the matrix: what lies behind them is read as zeros.</param>
/// <param name="Stride">Elements from row to row, a multiple of 8.</param>
/// <param name="BoxRows">Rows of a box, at most 256.</param>
internal readonly record struct TensorBox(nint Address, int Rows, int Columns, long Stride, int BoxRows)
{
    /// <summary>Columns of a box: 128 bytes, the swizzle's width.</summary>
    public const int BoxColumns = 64;

    /// <summary>Bytes of an encoded map (CUtensorMap).</summary>
    public const int MapBytes = 128;

    /// <summary>Alignment of an encoded map.</summary>
    public const int MapAlignment = 64;
}
