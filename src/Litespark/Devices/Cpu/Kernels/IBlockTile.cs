using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>The live blocks that one tile of a product sums over, and where to find them in x.</summary>
internal readonly unsafe struct LiveBlocks(int* blocks, int count, int* lengths, nint slot, in BlockRows x)
{
    /// <summary>Numbers of the blocks along k, ascending.</summary>
    public readonly int* Blocks = blocks;

    /// <summary>How many there are.</summary>
    public readonly int Count = count;

    /// <summary>Length along k, by number of the block.</summary>
    public readonly int* Lengths = lengths;

    /// <summary>Floats from one live block's packed weights to the next one's.</summary>
    public readonly nint Slot = slot;

    /// <summary>How x lies.</summary>
    public readonly BlockRows X = x;

    /// <summary>
    /// The first row of what will be read after a block: the next live one, or the first one of the rows below. They lie apart, and in an order that
    /// the hardware does not foresee.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* After(int* block, float* x) => block + 1 < Blocks + Count ? x + X.Offsets[block[1]] : x + X.Tile + X.Offsets[*Blocks];

    /// <summary>Fetches so many rows of what will be read after a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void PrefetchAfter(int* block, float* x, int rows) => Prefetch.Rows(After(block, x), X.Row, rows);
}

/// <summary>
/// How rows of x lie for a block-sparse product: in place, or copied (<see cref="BlockPanels"/>). All distances are in floats.
/// </summary>
internal readonly unsafe struct BlockRows(int* offsets, nint row, nint piece, nint tile)
{
    /// <summary>Where the first element of a block lies within a row, by number of the block along k.</summary>
    public readonly int* Offsets = offsets;

    /// <summary>From one row to the next within a tile.</summary>
    public readonly nint Row = row;

    /// <summary>From one piece of a row, <see cref="BlockPanels.Piece"/> elements, to the next.</summary>
    public readonly nint Piece = piece;

    /// <summary>From one tile's first row to the next one's.</summary>
    public readonly nint Tile = tile;
}

/// <summary>
/// A register tile of a block-sparse product: C[Rows, Columns] (+)= Σ over live blocks Σ_k x[r, k] · w[k, column], in registers over all
/// of them. One fused multiply-add per term, blocks and k ascending, so a tile's bits depend only on its operands.
/// </summary>
internal unsafe interface IBlockTile
{
    /// <summary>Rows of the tile.</summary>
    static abstract int Rows { get; }

    /// <summary>Columns of the tile: one or two registers.</summary>
    static abstract int Columns { get; }

    /// <summary>Rows of a slice of x at most: a multiple of <see cref="Rows"/>.</summary>
    static abstract int LongestSlice { get; }

    /// <summary>Whether rows of x that it reads in place should be on their way before it comes to them: its own hints are for the first cache.</summary>
    static abstract bool WantsRowsFetched { get; }

    /// <summary>Whether it stores past the caches where it is told to.</summary>
    static abstract bool Streams { get; }

    /// <summary>x: the first of Rows rows; weights: [k][Columns] of the first live block.</summary>
    static abstract void Walk(in LiveBlocks live, float* x, float* weights, float* c, nint ldc, TileStore store);
}
