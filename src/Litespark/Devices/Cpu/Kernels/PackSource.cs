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
        if (linesAcrossRows) PackAcrossRows(task * DepthPerTask, line, k, chunk);
        else PackRows(task * LinesPerTask, line, k, chunk);
    }

    void PackAcrossRows(int from, int line, int k, in PackedChunk chunk)
    {
        int to = Math.Min(chunk.Depth, from + DepthPerTask);
        while (from < to)
        {
            int start = from / chunk.BlockDepth * chunk.BlockDepth, blockEnd = start + chunk.DepthAt(start), end = Math.Min(to, blockEnd);
            GemmPack.Contiguous(matrix.Row(k + from) + line, matrix.Stride, chunk.Lines, end - from, chunk.Width,
                chunk.Panel(0, start) + (nint)(from - start) * chunk.Width, GemmPack.PanelLength(chunk.Width, blockEnd - start), scale);
            from = end;
        }
    }

    void PackRows(int from, int line, int k, in PackedChunk chunk)
    {
        int lines = Math.Min(LinesPerTask, chunk.Lines - from);
        for (int start = 0; start < chunk.Depth; start += chunk.BlockDepth)
        {
            GemmPack.Transposed(matrix.Row(line + from) + k + start, matrix.Stride, lines, chunk.DepthAt(start), chunk.Width,
                chunk.Panel(from, start), scale);
        }
    }
}
