using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// 6 rows × 2 registers, so that a load of x serves two multiply-adds. It needs no more than sixteen registers; taller tiles that need the others
/// of AVX-512 were slower on Zen 4, as was one of 24 rows × 1 register of 512 bits: see <see cref="TallBlockTile{V, T}"/>.
/// </summary>
internal readonly unsafe struct BlockTile6<V, T> : IBlockTile
    where V : struct
    where T : struct, IRegister<V>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <inheritdoc/>
    public static int Rows { [MethodImpl(Inline)] get => 6; }

    /// <inheritdoc/>
    public static int Columns { [MethodImpl(Inline)] get => 2 * T.Count; }

    /// <inheritdoc/>
    public static int LongestSlice => 96;

    /// <inheritdoc/>
    public static bool WantsRowsFetched => true;

    // Measured with 256 bits alone; with 512 this tile is for blocks of 32 columns.
    /// <inheritdoc/>
    public static bool Streams { [MethodImpl(Inline)] get => T.Count == 8; }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Walk(in LiveBlocks live, float* x, float* weights, float* c, nint ldc, TileStore store)
    {
        Pair<V, T> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
        int* block = live.Blocks, end = block + live.Count;
        nint row = live.X.Row;
        for (; block < end; block++, weights += live.Slot)
        {
            live.PrefetchAfter(block, x, 6);
            float* piece = x + live.X.Offsets[*block], w = weights;
            for (nint left = live.Lengths[*block]; left > 0; left -= BlockPanels.Piece, piece += live.X.Piece)
            {
                // Four steps in a turn: where another thread shares the core, the instructions of the loop itself cost time.
                float* a = piece, a3 = a + 3 * row;
                nint k = Math.Min(left, BlockPanels.Piece);
                for (; k >= 4; k -= 4, a += 4, a3 += 4, w += 8 * T.Count)
                {
                    SixRows<V, T>.AddStrided(a, a3, row, 0, w, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
                    SixRows<V, T>.AddStrided(a, a3, row, 1, w, 2 * T.Count, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
                    SixRows<V, T>.AddStrided(a, a3, row, 2, w, 4 * T.Count, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
                    SixRows<V, T>.AddStrided(a, a3, row, 3, w, 6 * T.Count, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
                }

                for (; k > 0; k--, a++, a3++, w += 2 * T.Count) SixRows<V, T>.AddStrided(a, a3, row, 0, w, 0, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
            }
        }

        SixRows<V, T>.Store(store, c, ldc, ref c0, ref c1, ref c2, ref c3, ref c4, ref c5);
    }
}
