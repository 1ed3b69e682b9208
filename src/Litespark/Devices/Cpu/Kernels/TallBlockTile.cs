using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// 24 rows × 1 register, for processors that multiply two registers of 512 bits in a cycle, where blocks of 16 columns would leave half of it
/// to tiles of smaller registers. It loads as often as it multiplies, which these processors can, if every multiplication takes its element of x from
/// memory itself and at a constant distance: so from panels.
/// </summary>
internal readonly unsafe struct TallBlockTile<V, T> : IBlockTile
    where V : struct
    where T : struct, IRegister<V>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    // Floats from one row of a panel to the next.
    const nint Row = BlockPanels.Piece;

    /// <inheritdoc/>
    public static int Rows { [MethodImpl(Inline)] get => 24; }

    /// <inheritdoc/>
    public static int Columns { [MethodImpl(Inline)] get => T.Count; }

    /// <inheritdoc/>
    public static bool ReadsPanels => true;

    /// <inheritdoc/>
    public static bool Streams => true;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Walk(in LiveBlocks live, float* x, float* weights, float* c, nint ldc, TileStore store)
    {
        Quad<V, T> c0 = default, c4 = default, c8 = default, c12 = default, c16 = default, c20 = default;
        int* block = live.Blocks, end = block + live.Count;
        for (; block < end; block++, weights += live.Slot)
        {
            float* piece = x + live.X.Offsets[*block], w = weights;
            for (nint left = live.Lengths[*block]; left > 0; left -= BlockPanels.Piece, piece += live.X.Piece)
            {
                float* a = piece;
                nint k = Math.Min(left, BlockPanels.Piece);
                for (; k > 3; k -= 4, a += 4, w += 4 * T.Count)
                {
                    Step(a, w, ref c0, ref c4, ref c8, ref c12, ref c16, ref c20);
                    Step(a + 1, w + T.Count, ref c0, ref c4, ref c8, ref c12, ref c16, ref c20);
                    Step(a + 2, w + 2 * T.Count, ref c0, ref c4, ref c8, ref c12, ref c16, ref c20);
                    Step(a + 3, w + 3 * T.Count, ref c0, ref c4, ref c8, ref c12, ref c16, ref c20);
                }

                for (; k > 0; k--, a++, w += T.Count) Step(a, w, ref c0, ref c4, ref c8, ref c12, ref c16, ref c20);
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
    static void Step(float* a, float* w, ref Quad<V, T> c0, ref Quad<V, T> c4, ref Quad<V, T> c8, ref Quad<V, T> c12, ref Quad<V, T> c16, ref Quad<V, T> c20)
    {
        V b = T.Load(w);
        c0 = c0.MultiplyAdd(a, Row, b);
        c4 = c4.MultiplyAdd(a + 4 * Row, Row, b);
        c8 = c8.MultiplyAdd(a + 8 * Row, Row, b);
        c12 = c12.MultiplyAdd(a + 12 * Row, Row, b);
        c16 = c16.MultiplyAdd(a + 16 * Row, Row, b);
        c20 = c20.MultiplyAdd(a + 20 * Row, Row, b);
    }
}
