namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// A register tile of a matrix product: C[Rows, Columns] (+)= Σ_k A[r, k] · B[k, column], with all of C's tile in registers.
/// The sum runs over k in ascending order, one fused multiply-add per term, so a tile's bits depend only on its operands.
/// Every form but <see cref="FirstColumns"/> writes the whole tile; edges go through a buffer of Rows × Columns floats.
/// </summary>
internal unsafe interface IGemmTile
{
    /// <summary>Rows of the tile.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of the tile: two or three registers.</summary>
    static abstract int Columns { get; }

    /// <summary>
    /// A panel [k][Rows], B panel [k][Columns] as <see cref="GemmPack"/> lays them. Meanwhile memory that is needed next comes into the second
    /// cache: at every step of k the line at <paramref name="ahead"/>, which then moves on by <paramref name="step"/> floats.
    /// </summary>
    static abstract void Packed(nint k, float* aPanel, float* bPanel, float* c, nint ldc, bool accumulate, float* ahead, nint step);

    /// <summary>A row-major and unpacked: element (r, k) at a[r·lda + k]; row k of B at b + k·ldb.</summary>
    static abstract void RowMajorA(nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate);

    /// <summary>As <see cref="RowMajorA"/>, for the first <paramref name="registers"/> registers of columns alone, fewer than all.</summary>
    static abstract void FirstColumns(int registers, nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc);

    /// <summary>A column-major and unpacked: element (r, k) at a[k·lda + r]; row k of B at b + k·ldb.</summary>
    static abstract void ColumnMajorA(nint k, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate);
}
