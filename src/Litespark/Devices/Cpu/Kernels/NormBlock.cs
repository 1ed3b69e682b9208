namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// How many rows a norm takes at a time: it sums over each of them before it scales the first, whose factor, a chain of horizontal
/// sum, root and quotient, is ready by then. A block stays in the first-level cache.
/// </summary>
internal static class NormBlock
{
    /// <summary>The largest block.</summary>
    public const int MostRows = 4;

    const int Elements = 2048;

    /// <summary>Rows of a block; even where there are several.</summary>
    public static int RowsFor(int columns) => columns <= Elements / MostRows ? MostRows : columns <= Elements / 2 ? 2 : 1;
}
