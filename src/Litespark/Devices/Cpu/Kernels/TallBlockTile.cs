using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// 24 rows × 1 register, for processors that multiply two registers of 512 bits in a cycle, where blocks of 16 columns would leave half of it
/// to tiles of smaller registers. It loads as often as it multiplies, which these processors can, if every multiplication takes its element of x from
/// memory itself; some of them only at a constant distance, so from panels (<see cref="IndexedOperands"/>).
/// </summary>
internal readonly unsafe struct TallBlockTile<V, T> : IBlockTile
    where V : struct
    where T : struct, IRegister<V>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <inheritdoc/>
    public static int Rows { [MethodImpl(Inline)] get => 24; }

    /// <inheritdoc/>
    public static int Columns { [MethodImpl(Inline)] get => T.Count; }

    // Two tiles share a block's weights while these are in the first cache; with more, results go to too many pages at a time.
    /// <inheritdoc/>
    public static int LongestSlice => 48;

    // Its hints come in time from wherever x is; asking for a slice at once is time in which nothing is multiplied.
    /// <inheritdoc/>
    public static bool WantsRowsFetched => false;

    /// <inheritdoc/>
    public static bool Streams => true;

    /// <inheritdoc/>
    public static void Walk(in LiveBlocks live, float* x, float* weights, float* c, nint ldc, TileStore store)
    {
        // Constant distances become parts of addresses.
        if (live.X.Row == LineStride.Floats) Walk<LineStride>(live, x, weights, c, ldc, store);
        else Walk<AnyStride>(live, x, weights, c, ldc, store);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Walk<TStride>(in LiveBlocks live, float* x, float* weights, float* c, nint ldc, TileStore store) where TStride : struct, IStride
    {
        Quad<V, T> c0 = default, c4 = default, c8 = default, c12 = default, c16 = default, c20 = default;
        nint row = TStride.Of(live.X.Row);
        int* block = live.Blocks, end = block + live.Count;
        for (; block < end; block++, weights += live.Slot)
        {
            float* piece = x + live.X.Offsets[*block], w = weights;
            for (nint left = live.Lengths[*block]; left > 0; left -= BlockPanels.Piece, piece += live.X.Piece)
            {
                // The 24 lines that come next are asked for between the steps: in one go they would hold up the multiplications.
                float* next = left > BlockPanels.Piece ? piece + live.X.Piece : live.After(block, x);
                float* a = piece, a4 = a + 4 * row, a8 = a + 8 * row, a12 = a + 12 * row, a16 = a + 16 * row, a20 = a + 20 * row;
                nint k = Math.Min(left, BlockPanels.Piece);
                for (; k > 3; k -= 4, a += 4, a4 += 4, a8 += 4, a12 += 4, a16 += 4, a20 += 4, w += 4 * T.Count, next += 6 * row)
                {
                    Step(a, a4, a8, a12, a16, a20, row, T.Load(w), ref c0, ref c4, ref c8, ref c12, ref c16, ref c20);
                    Prefetch.Line(next);
                    Prefetch.Line(next + row);
                    Step(a + 1, a4 + 1, a8 + 1, a12 + 1, a16 + 1, a20 + 1, row, T.Load(w + T.Count), ref c0, ref c4, ref c8, ref c12, ref c16, ref c20);
                    Prefetch.Line(next + 2 * row);
                    Step(a + 2, a4 + 2, a8 + 2, a12 + 2, a16 + 2, a20 + 2, row, T.Load(w + 2 * T.Count), ref c0, ref c4, ref c8, ref c12, ref c16, ref c20);
                    Prefetch.Line(next + 3 * row);
                    Prefetch.Line(next + 4 * row);
                    Step(a + 3, a4 + 3, a8 + 3, a12 + 3, a16 + 3, a20 + 3, row, T.Load(w + 3 * T.Count), ref c0, ref c4, ref c8, ref c12, ref c16, ref c20);
                    Prefetch.Line(next + 5 * row);
                }

                for (; k > 0; k--, a++, a4++, a8++, a12++, a16++, a20++, w += T.Count)
                    Step(a, a4, a8, a12, a16, a20, row, T.Load(w), ref c0, ref c4, ref c8, ref c12, ref c16, ref c20);
            }
        }

        if (store == TileStore.Stream)
        {
            c0.Stream(c, ldc);
            c4.Stream(c + 4 * ldc, ldc);
            c8.Stream(c + 8 * ldc, ldc);
            c12.Stream(c + 12 * ldc, ldc);
            c16.Stream(c + 16 * ldc, ldc);
            c20.Stream(c + 20 * ldc, ldc);
            return;
        }

        bool accumulate = store == TileStore.Add;
        c0.Store(c, ldc, accumulate);
        c4.Store(c + 4 * ldc, ldc, accumulate);
        c8.Store(c + 8 * ldc, ldc, accumulate);
        c12.Store(c + 12 * ldc, ldc, accumulate);
        c16.Store(c + 16 * ldc, ldc, accumulate);
        c20.Store(c + 20 * ldc, ldc, accumulate);
    }

    [MethodImpl(Inline)]
    static void Step(float* a, float* a4, float* a8, float* a12, float* a16, float* a20, nint row, V b,
        ref Quad<V, T> c0, ref Quad<V, T> c4, ref Quad<V, T> c8, ref Quad<V, T> c12, ref Quad<V, T> c16, ref Quad<V, T> c20)
    {
        c0 = c0.MultiplyAdd(a, row, b);
        c4 = c4.MultiplyAdd(a4, row, b);
        c8 = c8.MultiplyAdd(a8, row, b);
        c12 = c12.MultiplyAdd(a12, row, b);
        c16 = c16.MultiplyAdd(a16, row, b);
        c20 = c20.MultiplyAdd(a20, row, b);
    }
}
