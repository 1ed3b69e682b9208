namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// A packed part of an operand, lines × depth: blocks along k, each a row of
/// panels [k][width] as <see cref="GemmPack"/> lays them. How k is cut depends on the depth alone.
/// </summary>
internal readonly unsafe struct PackedChunk(float* data, int width, int lines, int depth)
{
    /// <summary>
    /// No block of k is longer. Long, so that C is read and written again seldom: a tile takes B's panel from the second cache
    /// as fast as from the first, and a task's panels of A (96 lines) still fit there beside it where that cache has 512 KiB.
    /// </summary>
    public const int LongestBlock = 768;

    readonly float* data = data;

    /// <summary>Lines of a panel.</summary>
    public readonly int Width = width;

    /// <summary>Rows of op(A) or columns of op(B).</summary>
    public readonly int Lines = lines;

    /// <summary>Length of k.</summary>
    public readonly int Depth = depth;

    /// <summary>Length of every block of k but the last, which may be shorter.</summary>
    public readonly int BlockDepth = BlockOf(depth);

    /// <summary>Floats that a chunk takes, a multiple of 16; no less than a shorter or narrower chunk takes.</summary>
    public static long Length(int width, int lines, int depth)
    {
        int block = BlockOf(depth);
        return (long)GemmPack.PanelCount(width, lines) * GemmPack.PanelLength(width, block) * GemmBlocking.Count(depth, block);
    }

    /// <summary>Length of the block of k that begins at <paramref name="start"/>.</summary>
    public int DepthAt(int start) => Math.Min(BlockDepth, Depth - start);

    /// <summary>The panel that begins with <paramref name="line"/>, in the block of k that begins at <paramref name="start"/>.</summary>
    public float* Panel(int line, int start)
        => data + start / BlockDepth * GemmPack.PanelCount(Width, Lines) * GemmPack.PanelLength(Width, BlockDepth)
            + line / Width * GemmPack.PanelLength(Width, DepthAt(start));

    static int BlockOf(int depth) => GemmBlocking.Even(depth, LongestBlock, 8);
}
