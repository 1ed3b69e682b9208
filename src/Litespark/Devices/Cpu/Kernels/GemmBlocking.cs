namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// How a product is cut. Chunks of op(B) are packed into memory that all workers share; their size keeps them in the last
/// cache. No cut of k depends on the number of threads, so neither does any bit of C.
/// </summary>
internal readonly struct GemmBlocking
{
    /// <summary>Floats of a packed chunk (4 MiB).</summary>
    public const int PackedFloats = 1 << 20;

    const int LongestChunkK = 1024;

    // Where all of op(B) fits, longer chunks make fewer rounds of packing and multiplying.
    const int LongestWholeK = 4096;
    const int LongestTaskRows = 96;

    // Fewer rows read B too often, fewer columns pack A too often: small products go below the first pair, hardly any below the second.
    const int ShortTaskColumns = 384, ShortestTaskColumns = 96;
    const int ShortTaskRows = 48, ShortestTaskRows = 24;
    const int TasksPerThread = 8;
    const int LeastTaskFlops = 200_000;

    /// <summary>Columns and k of a chunk; the last chunk along each may be shorter.</summary>
    public readonly int ChunkN, ChunkK;

    readonly int tileRows, tileColumns, mostTaskRows;

    public GemmBlocking(int m, int n, int k, int tileRows, int tileColumns)
    {
        this.tileRows = tileRows;
        this.tileColumns = tileColumns;
        bool fits = (long)Even(n, n, tileColumns) * Even(k, k, 8) <= PackedFloats;
        ChunkK = Even(k, fits ? LongestWholeK : LongestChunkK, 8);
        ChunkN = Even(n, PackedFloats / ChunkK, tileColumns);
        mostTaskRows = Even(m, LongestTaskRows, tileRows);
    }

    /// <summary>Floats that a worker's packed rows of A take, a multiple of 16.</summary>
    public long PackedA => PackedChunk.Length(tileRows, mostTaskRows, Math.Min(ChunkK, PackedChunk.LongestBlock));

    /// <summary>Floats that the packed chunk of B takes.</summary>
    public long PackedB => PackedChunk.Length(tileColumns, ChunkN, ChunkK);

    /// <summary>
    /// Rows and columns (multiples of the tile) of one task: all columns if there are rows enough for about eight tasks per
    /// thread; no tiny tasks.
    /// </summary>
    public (int Rows, int Columns) TaskShape(int m, int n, int k, int threads)
    {
        int rows = mostTaskRows, columns = Even(n, n, tileColumns);
        int wanted = threads == 1 ? 1 : TasksPerThread * threads;
        while (Count(m, rows) * Count(n, columns) < wanted && 2L * rows * columns * k > LeastTaskFlops && (rows > tileRows || columns > tileColumns))
        {
            bool cutRows = rows > ShortTaskRows || columns <= ShortTaskColumns && (rows > ShortestTaskRows || columns <= ShortestTaskColumns && rows > tileRows);
            if (cutRows) rows = Even(m, Math.Max(rows / 2, tileRows), tileRows);
            else columns = Even(n, columns / 2, tileColumns);
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
