using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>An operand of a weight gradient [tokens, …], its columns cut into the blocks of one axis of the grid.</summary>
internal sealed unsafe class BlockSparseOperand(Matrix matrix, BlockAxis axis)
{
    const int CacheLine = 16;

    // Floats of rows that are read in place: half of a small second cache, and half of that of processors with wide multipliers.
    const int MostReadable = 1 << 16, MostReadableThere = 1 << 17;

    // Rows are short pieces far apart, which the hardware does not foresee.
    const int RowsAhead = 8;

    const int RowsAtOnce = 4;

    /// <summary>The blocks.</summary>
    public BlockAxis Axis { get; } = axis;

    /// <summary>Whether every piece is whole and begins with a cache line, so that tiles can read it where it lies.</summary>
    public bool HasWholeLines { get; } = WholeLines(matrix, axis);

    /// <summary>
    /// Whether it is worth it to read so many tokens where they lie, block after block: whole rows stay in the second cache and, unless tiles read
    /// from <paramref name="there"/> as well, a piece of them in the first one, with as many lines of the other operand.
    /// </summary>
    public bool IsReadable(int tokens, bool there)
        => HasWholeLines && (long)tokens * Axis.Starts[Axis.Count] <= (there ? MostReadableThere : MostReadable) && (there || !NearCache.Collide(matrix.Stride, 2 * tokens));

    /// <summary>Whether so many rows fall into the same lines of the first cache.</summary>
    public bool Collides(int rows) => NearCache.Collide(matrix.Stride, rows);

    /// <summary>A block's first element of a token.</summary>
    public float* At(int token, int block) => matrix.Row(token) + Axis.Starts[block];

    /// <summary>Floats from a token to the next one.</summary>
    public nint Stride => matrix.Stride;

    /// <summary>Floats from one panel of so many tokens to the next: a line more than it has, since whole powers of two all fall into the same lines of a cache.</summary>
    public nint PanelLength(int tokens) => (nint)tokens * Axis.Piece + 16;

    /// <summary>
    /// Packs some tokens of the blocks [first, last) into panels [token][<see cref="BlockAxis.Piece"/>], one per piece, that lie so many floats apart;
    /// what is missing of a piece becomes zero.
    /// </summary>
    public void Pack(int first, int last, int token, int tokens, float* panels, nint panelLength)
    {
        int* starts = Axis.Starts, pieces = Axis.FirstPieces;
        for (int block = first; block < last;)
        {
            // As far as every block is a whole number of pieces, one pass over the rows packs them all.
            int end = block + 1;
            while (end < last && Axis.Lengths[end - 1] % Axis.Piece == 0) end++;
            float* source = matrix.Row(token) + starts[block], destination = panels + (pieces[block] - pieces[first]) * panelLength;
            int lines = starts[end] - starts[block];
            if (Axis.Piece == CacheLine && lines % CacheLine == 0) CopyLines(source, matrix.Stride, lines / CacheLine, tokens, destination, panelLength);
            else GemmPack.Contiguous(source, matrix.Stride, lines, tokens, Axis.Piece, destination, panelLength, scale: 1);
            block = end;
        }
    }

    /// <summary>Asks for tokens that will be read in place: row after row, which is far faster than as their blocks come up.</summary>
    public void Fetch(int token, int tokens)
    {
        for (int t = token; t < token + tokens; t++) Prefetch.Nearby(matrix.Row(t), Axis.Starts[Axis.Count]);
    }

    static bool WholeLines(Matrix matrix, BlockAxis axis)
    {
        if (matrix.Stride % CacheLine != 0 || (nuint)matrix.Data % (CacheLine * sizeof(float)) != 0) return false;
        for (int block = 0; block < axis.Count; block++)
            if (axis.Lengths[block] % axis.Piece != 0 || axis.Starts[block] % CacheLine != 0) return false;
        return true;
    }

    // The common case, at the speed of a copy. Some rows at a time, so that a panel gets some lines at once.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void CopyLines(float* source, nint stride, int pieces, int tokens, float* panels, nint panelLength)
    {
        for (; tokens >= RowsAtOnce; tokens -= RowsAtOnce, source += RowsAtOnce * stride, panels += RowsAtOnce * CacheLine)
        {
            float* s = source, d = panels;
            for (int i = 0; i < pieces; i++, s += CacheLine, d += panelLength)
            {
                for (int r = 0; r < RowsAtOnce; r++) CopyLine(s + r * stride, stride, d + r * CacheLine);
            }
        }

        for (; tokens > 0; tokens--, source += stride, panels += CacheLine)
        {
            float* s = source, d = panels;
            for (int i = 0; i < pieces; i++, s += CacheLine, d += panelLength) CopyLine(s, stride, d);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void CopyLine(float* source, nint stride, float* destination)
    {
        Prefetch.Nearby(source + RowsAhead * stride, 1);
        Vector256<float> low = Vector256.Load(source), high = Vector256.Load(source + 8);
        low.Store(destination);
        high.Store(destination + 8);
    }
}
