using System.Runtime.CompilerServices;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// The rows of A that a block of tiles multiplies: a tile's rows begin <paramref name="step"/> floats after those of the tile above, at
/// <paramref name="data"/>; <paramref name="stride"/> lies between two of its rows, or between two of k. What is left over of rows in place, too few
/// for a tile, is packed at <paramref name="rest"/>.
/// </summary>
internal readonly unsafe struct RowsOfA(float* data, nint stride, nint step, float* rest)
{
    /// <summary>First element of a tile's rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* Tile(int tile) => data + tile * step;

    /// <summary>Floats between two rows, or between two elements of k.</summary>
    public nint Stride => stride;

    /// <summary>The panel of the rows that don't fill a tile.</summary>
    public float* Rest => rest;
}

/// <summary>How a tile reads its rows of A, as a type: loops over tiles are compiled for one way.</summary>
internal unsafe interface IReadingOfA
{
    /// <summary>Whether also rows that don't fill a tile are read in this way.</summary>
    static abstract bool ReadsAll { get; }

    /// <summary>A tile: see <see cref="IGemmTile"/>. B is packed.</summary>
    static abstract void Multiply<TTile>(nint k, float* a, nint lda, float* b, float* c, nint ldc, bool accumulate, float* ahead, nint step) where TTile : struct, IGemmTile;
}

/// <summary>Packed panels.</summary>
internal readonly unsafe struct PackedRows : IReadingOfA
{
    /// <inheritdoc/>
    public static bool ReadsAll { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => true; }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply<TTile>(nint k, float* a, nint lda, float* b, float* c, nint ldc, bool accumulate, float* ahead, nint step) where TTile : struct, IGemmTile
        => TTile.Packed(k, a, b, c, ldc, accumulate, ahead, step);
}

/// <summary>Rows of the matrix, where they lie.</summary>
internal readonly unsafe struct RowsInPlace : IReadingOfA
{
    /// <inheritdoc/>
    public static bool ReadsAll { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => false; }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply<TTile>(nint k, float* a, nint lda, float* b, float* c, nint ldc, bool accumulate, float* ahead, nint step) where TTile : struct, IGemmTile
        => TTile.RowMajorA(k, a, lda, b, TTile.Columns, c, ldc, accumulate);
}

/// <summary>Columns of the matrix, which is transposed, where they lie.</summary>
internal readonly unsafe struct ColumnsInPlace : IReadingOfA
{
    /// <inheritdoc/>
    public static bool ReadsAll { [MethodImpl(MethodImplOptions.AggressiveInlining)] get => false; }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply<TTile>(nint k, float* a, nint lda, float* b, float* c, nint ldc, bool accumulate, float* ahead, nint step) where TTile : struct, IGemmTile
        => TTile.ColumnMajorA(k, a, lda, b, TTile.Columns, c, ldc, accumulate);
}
