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
    public static bool ReadsPanels => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Walk(in LiveBlocks live, float* x, float* weights, float* c, nint ldc, bool accumulate)
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
                float* a = piece, a4 = a + 4 * row;
                for (nint k = Math.Min(left, BlockPanels.Piece); k > 0; k--, a++, a4++, w += 2 * T.Count)
                {
                    V b0 = T.Load(w), b1 = T.Load(w + T.Count);
                    c0.MultiplyAdd(*a, b0, b1);
                    c1.MultiplyAdd(a[row], b0, b1);
                    c2.MultiplyAdd(a[2 * row], b0, b1);
                    c3.MultiplyAdd(a[3 * row], b0, b1);
                    c4.MultiplyAdd(*a4, b0, b1);
                    c5.MultiplyAdd(a4[row], b0, b1);
                }
            }
        }

        c0.Store(c, accumulate);
        c1.Store(c + ldc, accumulate);
        c2.Store(c + 2 * ldc, accumulate);
        c3.Store(c + 3 * ldc, accumulate);
        c4.Store(c + 4 * ldc, accumulate);
        c5.Store(c + 5 * ldc, accumulate);
    }
}
