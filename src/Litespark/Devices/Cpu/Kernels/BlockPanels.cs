using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// Rows of x for a block-sparse product. It has little work per element of x, so that even a copy counts: it reads x in place unless it is
/// told to copy or rows would fall into the same lines of the first cache. Then slices of x are copied into panels of a tile's rows,
/// [piece][row][<see cref="Piece"/>], where the pieces are those of the blocks along k.
/// </summary>
internal sealed unsafe class BlockPanels
{
    /// <summary>Elements of a row in a piece: a cache line.</summary>
    public const int Piece = 16;

    // Pieces of a row that are copied in a turn, while as many further ones come: a row alone is a short stream.
    const int PiecesAtOnce = 4;

    // Rows that must have a place of their own in the first cache: a tile's, and those that are fetched meanwhile where there is room for these.
    const int MostRows = 24;

    readonly Matrix x;
    readonly BlockAxis axis;
    readonly int tileRows;
    readonly bool wholePieces;
    readonly int[] inPlace, inPanels;

    public BlockPanels(Matrix x, BlockAxis axis, int tileRows, bool always)
    {
        (this.x, this.axis, this.tileRows) = (x, axis, tileRows);
        Copies = always || NearCache.Collide(x.Stride, Math.Min(2 * tileRows, MostRows));
        wholePieces = Enumerable.Range(0, axis.Count).All(i => axis.Lengths[i] % Piece == 0);
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
        int copied = 0;
        for (; wholePieces && copied + tileRows <= rows; copied += tileRows) CopyTile(row + copied, panels + copied / tileRows * length);
        for (int i = copied; i < rows; i++) CopyRow(x.Row(row + i), axis, panels + i / tileRows * length + i % tileRows * Piece, step);
        for (int i = rows; i % tileRows != 0; i++)
        {
            float* destination = panels + i / tileRows * length + i % tileRows * Piece;
            for (int piece = 0; piece < axis.Pieces; piece++) new Span<float>(destination + piece * step, Piece).Clear();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void CopyTile(int row, float* panel)
    {
        nint step = (nint)tileRows * Piece;
        for (int piece = 0; piece < axis.Pieces; piece += PiecesAtOnce, panel += PiecesAtOnce * step)
        {
            int pieces = Math.Min(PiecesAtOnce, axis.Pieces - piece);
            for (int r = 0; r < tileRows; r++)
            {
                float* source = x.Row(row + r) + piece * Piece, destination = panel + r * Piece;
                for (int i = 0; i < pieces; i++, source += Piece, destination += step)
                {
                    Prefetch.Line(source + PiecesAtOnce * Piece);
                    CopyPiece(source, destination);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void CopyRow(float* source, BlockAxis axis, float* destination, nint step)
    {
        int* lengths = axis.Lengths;
        for (int block = 0; block < axis.Count; block++)
        {
            int left = lengths[block];
            for (; left >= Piece; left -= Piece, source += Piece, destination += step) CopyPiece(source, destination);
            if (left == 0) continue;
            for (int i = 0; i < left; i++) destination[i] = source[i];
            source += left;
            destination += step;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void CopyPiece(float* source, float* destination)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Vector512.Load(source).Store(destination);
            return;
        }

        Vector256<float> low = Vector256.Load(source), high = Vector256.Load(source + 8);
        low.Store(destination);
        high.Store(destination + 8);
    }

    static int* Pointer(int[] pinned) => (int*)Unsafe.AsPointer(ref pinned[0]);
}
