namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// How a product is cut. Chunks of op(A) and op(B) are packed into memory that all workers share; their size keeps both in the
/// last cache. No cut of k depends on the number of threads, so neither does any bit of C.
/// </summary>
internal readonly struct GemmBlocking
{
    /// <summary>Floats of a packed chunk (4 MiB).</summary>
    public const int PackedFloats = 1 << 20;

    const int LongestChunkK = 1024;
    const int TaskRows = 96;
    const int TaskColumns = 384;
    const int TasksPerThread = 8;
    const int LeastTaskFlops = 200_000;

    /// <summary>Rows, columns and k of a chunk; the last chunk along each may be shorter.</summary>
    public readonly int ChunkM, ChunkN, ChunkK;

    readonly int tileRows, tileColumns;

    public GemmBlocking(int m, int n, int k, int tileRows, int tileColumns)
    {
        this.tileRows = tileRows;
        this.tileColumns = tileColumns;
        ChunkK = Even(k, LongestChunkK, 8);
        ChunkM = Even(m, PackedFloats / ChunkK, tileRows);
        ChunkN = Even(n, PackedFloats / ChunkK, tileColumns);
    }

    /// <summary>Floats that the packed chunk of A takes, a multiple of 16.</summary>
    public long PackedA => PackedChunk.Length(tileRows, ChunkM, ChunkK);

    /// <summary>Floats that the packed chunk of B takes.</summary>
    public long PackedB => PackedChunk.Length(tileColumns, ChunkN, ChunkK);

    /// <summary>Rows and columns (multiples of the tile) of one task: about eight tasks per thread, unless they would be tiny.</summary>
    public (int Rows, int Columns) TaskShape(int m, int n, int k, int threads)
    {
        int rows = Even(m, TaskRows, tileRows), columns = Even(n, TaskColumns, tileColumns);
        int wanted = threads == 1 ? 1 : TasksPerThread * threads;
        while (Count(m, rows) * Count(n, columns) < wanted && 2L * rows * columns * k > LeastTaskFlops && (rows > tileRows || columns > tileColumns))
        {
            if (rows == tileRows || (columns >= rows && columns > tileColumns)) columns = Even(n, columns / 2, tileColumns);
            else rows = Even(m, rows / 2, tileRows);
        }
        return (rows, columns);
    }

    /// <summary>Number of pieces of a size.</summary>
    public static int Count(int total, int size) => (total + size - 1) / size;

    /// <summary>Length of the fewest pieces that are no longer than about <paramref name="longest"/>: about equal, in multiples of a unit.</summary>
    public static int Even(int total, int longest, int unit)
    {
        int pieces = Count(total, Math.Max(longest, unit));
        return Count(Count(total, pieces), unit) * unit;
    }
}
