namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// An operand that is to be packed, and how that work is cut into tasks. Its lines (rows of op(A), columns of op(B)) either
/// are rows of the matrix in memory or lie across them, next to each other.
/// </summary>
internal readonly unsafe struct PackSource(Matrix matrix, bool linesAcrossRows, float scale)
{
    // Multiples of every tile's sides, and of a cache line.
    const int LinesPerTask = 96;

    // Rows of memory that lie across lines. Each asks for the one eight rows on, into the caches of the worker that packs it: long pieces, where
    // that leaves some for every worker.
    const int ShortestDepth = 16, LongestDepth = 64;
    const int TasksPerThread = 4;

    const int PageFloats = 1024;

    readonly Matrix matrix = matrix;
    readonly bool linesAcrossRows = linesAcrossRows;
    readonly float scale = scale;

    /// <summary>Rows of memory, packed from end to end, that make one of the tasks in which some threads pack a chunk.</summary>
    public int TaskRows(int depth, int threads)
        => linesAcrossRows ? Math.Clamp(GemmBlocking.Even(depth, depth / (TasksPerThread * threads), ShortestDepth), ShortestDepth, LongestDepth) : LinesPerTask;

    /// <summary>Number of tasks of so many rows that pack a chunk.</summary>
    public int TaskCount(int lines, int depth, int taskRows) => GemmBlocking.Count(linesAcrossRows ? depth : lines, taskRows);

    /// <summary>Packs a task's part of the chunk that begins at (line, k) of the operand.</summary>
    public void Pack(int task, int taskRows, int line, int k, in PackedChunk chunk)
    {
        if (linesAcrossRows) PackAcrossRows(task * taskRows, Math.Min(chunk.Depth, (task + 1) * taskRows), line, k, chunk);
        else PackRows(task * taskRows, Math.Min(chunk.Lines, (task + 1) * taskRows), line, k, chunk);
    }

    /// <summary>Packs the whole operand as one chunk.</summary>
    public void PackAll(in PackedChunk chunk)
    {
        if (linesAcrossRows) PackAcrossRows(0, chunk.Depth, 0, 0, chunk);
        else PackRows(0, chunk.Lines, 0, 0, chunk);
    }

    /// <summary>Packs some lines × depth that begin at (line, k) of the operand into panels on their own, as <see cref="GemmPack"/> lays them.</summary>
    public void PackPanels(int line, int lines, int k, int depth, int width, float* panels)
    {
        if (linesAcrossRows) GemmPack.Contiguous(matrix.Row(k) + line, matrix.Stride, lines, depth, width, panels, scale);
        else GemmPack.Transposed(matrix.Row(line) + k, matrix.Stride, lines, depth, width, panels, scale);
    }

    /// <summary>
    /// Whether tiles of so many lines can as well read the matrix where it lies: packing takes a tenth of a product of few columns. Rows of the matrix, of
    /// which a tile reads one line each, need places of their own in the first cache; where lines lie across them, <paramref name="depth"/> rows in the second,
    /// and no page of its own for each.
    /// </summary>
    public bool ReadableInPlace(int tileRows, int depth)
    {
        if (scale != 1) return false;
        return linesAcrossRows ? matrix.Stride <= PageFloats && !SecondCache.Collide(matrix.Stride, depth) : !NearCache.Collide(matrix.Stride, tileRows);
    }

    /// <summary>Some lines × depth that begin at (line, k), in place; lines that don't fill a tile are packed at <paramref name="rest"/>.</summary>
    public RowsOfA InPlace(int line, int lines, int k, int depth, int tileRows, float* rest)
    {
        int full = lines / tileRows * tileRows;
        if (full < lines) PackPanels(line + full, lines - full, k, depth, tileRows, rest);
        return linesAcrossRows
            ? new(matrix.Row(k) + line, matrix.Stride, tileRows, rest)
            : new(matrix.Row(line) + k, matrix.Stride, (nint)tileRows * matrix.Stride, rest);
    }

    /// <summary>Packs some lines × depth that begin at (line, k) of the operand as panels on their own.</summary>
    public RowsOfA Panels(int line, int lines, int k, int depth, int tileRows, float* panels)
    {
        PackPanels(line, lines, k, depth, tileRows, panels);
        return PackedAt(panels, depth, tileRows);
    }

    /// <summary>Panels of lines that are packed already.</summary>
    public static RowsOfA PackedAt(float* panels, int depth, int tileRows) => new(panels, 0, GemmPack.PanelLength(tileRows, depth), null);

    /// <summary>What packing some lines × depth that begin at (line, k) reads; nothing where lines are rows that would drive each other out of the second cache.</summary>
    public SoonRead Soon(int line, int lines, int k, int depth)
    {
        if (linesAcrossRows) return new(matrix.Row(k) + line, matrix.Stride, depth, lines);
        return SecondCache.Collide(matrix.Stride, lines) ? default : new(matrix.Row(line) + k, matrix.Stride, lines, depth);
    }

    void PackAcrossRows(int from, int to, int line, int k, in PackedChunk chunk)
    {
        while (from < to)
        {
            int start = from / chunk.BlockDepth * chunk.BlockDepth, blockEnd = start + chunk.DepthAt(start), end = Math.Min(to, blockEnd);
            GemmPack.Contiguous(matrix.Row(k + from) + line, matrix.Stride, chunk.Lines, end - from, chunk.Width,
                chunk.Panel(0, start) + (nint)(from - start) * chunk.Width, GemmPack.PanelLength(chunk.Width, blockEnd - start), scale);
            from = end;
        }
    }

    void PackRows(int from, int to, int line, int k, in PackedChunk chunk)
    {
        for (int start = 0; start < chunk.Depth; start += chunk.BlockDepth)
        {
            GemmPack.Transposed(matrix.Row(line + from) + k + start, matrix.Stride, to - from, chunk.DepthAt(start), chunk.Width,
                chunk.Panel(from, start), scale);
        }
    }
}
