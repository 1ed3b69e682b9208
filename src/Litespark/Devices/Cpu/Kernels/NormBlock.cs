namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// How many rows a norm takes at a time: it sums over each of them before it scales the first, whose factor, a chain of horizontal
/// sum, root and quotient, is ready by then. Long rows gain nothing by it.
/// </summary>
internal static class NormBlock
{
    /// <summary>The largest block.</summary>
    public const int MostRows = 4;

    const int LongestRow = 512;

    /// <summary>Rows of a block.</summary>
    public static int RowsFor(int columns) => columns <= LongestRow ? MostRows : 1;
}
