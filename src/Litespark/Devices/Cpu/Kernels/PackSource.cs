namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// An operand that is to be packed, and how that work is cut into tasks. Its lines (rows of op(A), columns of op(B)) either
/// are rows of the matrix in memory or lie across them, next to each other.
/// </summary>
internal readonly unsafe struct PackSource(Matrix matrix, bool linesAcrossRows, float scale)
{
    // Multiples of every tile's sides, and of a cache line.
    const int LinesPerTask = 96;
    const int DepthPerTask = 16;

    readonly Matrix matrix = matrix;
    readonly bool linesAcrossRows = linesAcrossRows;
    readonly float scale = scale;

    /// <summary>Number of tasks that pack a chunk: each takes some rows of memory from end to end.</summary>
    public int TaskCount(int lines, int depth)
        => linesAcrossRows ? GemmBlocking.Count(depth, DepthPerTask) : GemmBlocking.Count(lines, LinesPerTask);

    /// <summary>Packs a task's part of the chunk that begins at (line, k) of the operand.</summary>
    public void Pack(int task, int line, int k, in PackedChunk chunk)
    {
        if (linesAcrossRows) PackAcrossRows(task * DepthPerTask, Math.Min(chunk.Depth, (task + 1) * DepthPerTask), line, k, chunk);
        else PackRows(task * LinesPerTask, Math.Min(chunk.Lines, (task + 1) * LinesPerTask), line, k, chunk);
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
