namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Register tiles of a block of a weight gradient: C[rows, Columns] (+)= Σ_t a[t, row] · b[t, column] with a and b as they lie, row-major.
/// The sum runs over t in ascending order, one fused multiply-add per term.
/// </summary>
internal unsafe interface IBlockGradientTile
{
    /// <summary>Columns of the tile: one or two registers.</summary>
    static abstract int Columns { get; }

    /// <summary>Whether whole blocks of a line are better taken some at a time (<see cref="BlockGradientGroup"/>), this tile being for single ones and for what is not whole.</summary>
    static abstract bool Groups { get; }

    /// <summary>
    /// rows: 4, 8, 12 or 16. Element (t, row) at a[t·lda + row], (t, column) at b[t·ldb + column]. What may be read next begins at <paramref name="next"/>: a
    /// tile may ask for the first cache line of each token, <paramref name="step"/> floats apart.
    /// </summary>
    static abstract void Multiply(int rows, nint tokens, float* a, nint lda, float* b, nint ldb, float* c, nint ldc, bool accumulate, float* next, nint step);
}
