using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Rows of x for a block-sparse product. It has little work per element of x, so that even a copy counts: it reads x in place unless the tile
/// wants panels or its rows would fall into the same lines of the first cache. Then slices of x are copied into panels of a tile's rows,
/// [piece][row][<see cref="Piece"/>], where the pieces are those of the blocks along k.
/// </summary>
internal sealed unsafe class BlockPanels
{
    /// <summary>Elements of a row in a piece: a cache line.</summary>
    public const int Piece = 16;

    readonly Matrix x;
    readonly BlockAxis axis;
    readonly int tileRows;
    readonly int[] inPlace, inPanels;

    public BlockPanels(Matrix x, BlockAxis axis, int tileRows, bool always)
    {
        (this.x, this.axis, this.tileRows) = (x, axis, tileRows);
        // A tile's rows and those that are fetched meanwhile need a place each.
        Copies = always || NearCache.Collide(x.Stride, 2 * tileRows);
        inPlace = GC.AllocateArray<int>(axis.Count, pinned: true);
        inPanels = GC.AllocateArray<int>(axis.Count, pinned: true);
        for (int i = 0; i < axis.Count; i++) (inPlace[i], inPanels[i]) = (axis.Starts[i], axis.FirstPieces[i] * tileRows * Piece);
    }

    /// <summary>Whether slices are copied.</summary>
    public bool Copies { get; }

    /// <summary>Floats of the panel of one tile.</summary>
    public nint PanelLength => (nint)axis.Pieces * tileRows * Piece;

    /// <summary>How rows lie in place.</summary>
    public BlockRows InPlace => new(Pointer(inPlace), x.Stride, Piece, (nint)tileRows * x.Stride);

    /// <summary>How rows lie in panels.</summary>
    public BlockRows InPanels => new(Pointer(inPanels), Piece, (nint)tileRows * Piece, PanelLength);

    /// <summary>Asks for rows that will be read in place: one after another, which is far faster than as their blocks come up.</summary>
    public void Fetch(int row, int rows)
    {
        int columns = axis.Starts[axis.Count];
        for (int i = row; i < row + rows; i++) Prefetch.Nearby(x.Row(i), columns);
    }

    /// <summary>Copies rows of x into panels; missing rows of the last one become zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Copy(int row, int rows, float* panels)
    {
        nint length = PanelLength, step = (nint)tileRows * Piece;
        for (int i = 0; i < rows; i++) CopyRow(x.Row(row + i), axis, panels + i / tileRows * length + i % tileRows * Piece, step);
        for (int i = rows; i % tileRows != 0; i++)
        {
            float* destination = panels + i / tileRows * length + i % tileRows * Piece;
            for (int piece = 0; piece < axis.Pieces; piece++) new Span<float>(destination + piece * step, Piece).Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void CopyRow(float* source, BlockAxis axis, float* destination, nint step)
    {
        int* lengths = axis.Lengths;
        for (int block = 0; block < axis.Count; block++)
        {
            int left = lengths[block];
            for (; Vector512.IsHardwareAccelerated && left >= Piece; left -= Piece, source += Piece, destination += step) Vector512.Load(source).Store(destination);
            for (; left >= Piece; left -= Piece, source += Piece, destination += step)
            {
                Vector256<float> low = Vector256.Load(source), high = Vector256.Load(source + 8);
                low.Store(destination);
                high.Store(destination + 8);
            }

            if (left == 0) continue;
            for (int i = 0; i < left; i++) destination[i] = source[i];
            source += left;
            destination += step;
        }
    }

    static int* Pointer(int[] pinned) => (int*)Unsafe.AsPointer(ref pinned[0]);
}
