using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>When walking live blocks is worth it.</summary>
internal static class BlockSparsity
{
    /// <summary>Share of live blocks up to which walking them is faster than the dense product, in every direction (measured with 16 × 16 blocks).</summary>
    public const double Limit = 0.8;

    // As a part of that, with sides of 8: half of a strip, or one register instead of two.
    const double NarrowLimit = 0.6;

    // Lower or narrower blocks fill no register; they are of use to studies of quality, with the dense product.
    const int LeastSide = 8;

    // Kernels compute whole strips of this many rows or columns of a block (8 where blocks are no wider).
    const int Strip = 16;

    // As in the dense product for few rows, which is bound by reading the weights and has a kernel of its own.
    const int FewRows = 4;

    /// <summary>Live blocks up to which walking them is faster than the dense product of <paramref name="tokens"/> rows; 0 where it never is.</summary>
    public static int MostLive(BlockGrid grid, int tokens)
    {
        int rows = Math.Min(grid.BlockRows, grid.Rows), columns = Math.Min(grid.BlockColumns, grid.Columns);
        if (tokens <= FewRows || rows < LeastSide || columns < LeastSide) return 0;
        double limit = Math.Min(rows, columns) <= Strip / 2 ? Limit * NarrowLimit : Limit;
        return (int)(grid.Count * limit * Filled(rows) * Filled(columns));
    }

    static double Filled(int side)
    {
        int strip = side <= Strip / 2 ? Strip / 2 : Strip;
        return (double)side / (GemmBlocking.Count(side, strip) * strip);
    }
}
