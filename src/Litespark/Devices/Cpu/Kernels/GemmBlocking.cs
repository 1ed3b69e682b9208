namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// How a product is cut. Chunks of op(B) are packed into memory that all workers share; their size keeps two of them
/// in the last cache. No cut of k depends on the number of threads, so neither does any bit of C.
/// </summary>
internal readonly struct GemmBlocking
{
    /// <summary>Floats of a packed chunk (4 MiB).</summary>
    public const int PackedFloats = 1 << 20;

    const int LongestChunkK = 1024;

    // Where all of op(B) fits, longer chunks make fewer rounds of packing and multiplying.
    const int LongestWholeK = 4096;
    const int LongestTaskRows = 96;

    // Tasks of fewer tiles read B too often, with fewer columns pack A too often: only where threads would have nothing to do.
    const int ShortTaskTiles = 2, ShortTaskColumns = 96;
    const int TasksPerThread = 8;
    const int LeastTaskFlops = 200_000;

    /// <summary>Columns and k of a chunk; the last chunk along each may be shorter.</summary>
    public readonly int ChunkN, ChunkK;

    /// <summary>
    /// Rows of the longest task and of the shortest, and columns of a task, multiples of the tile: all columns of a chunk, so that rows of A are packed
    /// once, if rows make some tasks for every thread; no tiny tasks.
    /// </summary>
    public readonly int LongestRows, ShortestRows, TaskColumns;

    readonly int tileRows, tileColumns;

    public GemmBlocking(int m, int n, int k, int tileRows, int tileColumns, int threads)
    {
        this.tileRows = tileRows;
        this.tileColumns = tileColumns;
        bool fits = (long)Even(n, n, tileColumns) * Even(k, k, 8) <= PackedFloats;
        ChunkK = Even(k, fits ? LongestWholeK : LongestChunkK, 8);
        ChunkN = Even(n, PackedFloats / ChunkK, tileColumns);
        LongestRows = Even(m, LongestTaskRows, tileRows);
        (ShortestRows, TaskColumns) = (LongestRows, ChunkN);
        if (threads == 1) return;

        ShortestRows = Math.Min(LongestRows, Even(m, ShortTaskTiles * tileRows, tileRows));
        while (ShortestRows < LongestRows && 2L * ShortestRows * TaskColumns * ChunkK < LeastTaskFlops) ShortestRows = Math.Min(LongestRows, 2 * ShortestRows);
        while (Count(m, ShortestRows) * Count(ChunkN, TaskColumns) < TasksPerThread * threads && 2L * ShortestRows * TaskColumns * ChunkK > LeastTaskFlops)
        {
            if (TaskColumns > ShortTaskColumns) TaskColumns = Even(ChunkN, TaskColumns / 2, tileColumns);
            else if (ShortestRows > tileRows) ShortestRows = Even(m, Math.Max(ShortestRows / 2, tileRows), tileRows);
            else if (TaskColumns > tileColumns) TaskColumns = Even(ChunkN, Math.Max(TaskColumns / 2, tileColumns), tileColumns);
            else break;
        }
    }

    /// <summary>Floats that a worker's packed rows of A take, a multiple of 16.</summary>
    public long PackedA => PackedChunk.Length(tileRows, LongestRows, Math.Min(ChunkK, PackedChunk.LongestBlock));

    /// <summary>Floats that the packed chunk of B takes.</summary>
    public long PackedB => PackedChunk.Length(tileColumns, ChunkN, ChunkK);

    /// <summary>Number of pieces of a size.</summary>
    public static int Count(int total, int size) => (total + size - 1) / size;

    /// <summary>Length of the fewest pieces that are no longer than about <paramref name="longest"/>: about equal, in multiples of a unit.</summary>
    public static int Even(int total, int longest, int unit)
    {
        int pieces = Count(total, Math.Max(longest, unit));
        return Count(Count(total, pieces), unit) * unit;
    }
}
