using System.Runtime.CompilerServices;
using Litespark.Graphs;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>One axis of a <see cref="BlockGrid"/> in tables that kernels walk, in memory that stays where it is.</summary>
internal sealed unsafe class BlockAxis
{
    // Kept, since the pointers into them are not seen by the garbage collector.
    readonly int[] starts, lengths, firstPieces;

    BlockAxis(int blocks, Func<int, int> start, Func<int, int> length, int piece)
    {
        (Count, Piece) = (blocks, piece);
        (starts, lengths, firstPieces) = (Pinned(blocks + 1), Pinned(blocks), Pinned(blocks + 1));
        for (int i = 0; i < blocks; i++)
        {
            (starts[i], lengths[i]) = (start(i), length(i));
            firstPieces[i + 1] = firstPieces[i] + GemmBlocking.Count(lengths[i], piece);
            Longest = Math.Max(Longest, lengths[i]);
        }

        starts[blocks] = starts[blocks - 1] + lengths[blocks - 1];
    }

    /// <summary>Block rows, in pieces of so many rows at most.</summary>
    public static BlockAxis OfRows(BlockGrid grid, int piece) => new(grid.RowBlocks, grid.RowStart, grid.Height, piece);

    /// <summary>Block columns, in pieces of so many columns at most.</summary>
    public static BlockAxis OfColumns(BlockGrid grid, int piece) => new(grid.ColumnBlocks, grid.ColumnStart, grid.Width, piece);

    /// <summary>Number of blocks.</summary>
    public int Count { get; }

    /// <summary>Length of the longest block.</summary>
    public int Longest { get; }

    /// <summary>Most elements of a piece: kernels take a block piece by piece.</summary>
    public int Piece { get; }

    /// <summary>Pieces of all blocks.</summary>
    public int Pieces => firstPieces[Count];

    /// <summary>First element of every block, then their number.</summary>
    public int* Starts => Pointer(starts);

    /// <summary>Elements of every block.</summary>
    public int* Lengths => Pointer(lengths);

    /// <summary>First piece of every block, then their number.</summary>
    public int* FirstPieces => Pointer(firstPieces);

    static int[] Pinned(int length) => GC.AllocateArray<int>(length, pinned: true);

    static int* Pointer(int[] pinned) => (int*)Unsafe.AsPointer(ref pinned[0]);
}
