using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>12 rows × 2 registers, for machines with thirty-two registers: tall, since a list of live blocks is short.</summary>
internal readonly unsafe struct BlockTile12<T> : IBlockTile where T : struct, ISimd<T>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <inheritdoc/>
    public static int Rows { [MethodImpl(Inline)] get => 12; }

    /// <inheritdoc/>
    public static int Columns { [MethodImpl(Inline)] get => 2 * T.Count; }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Walk(in LiveBlocks live, float* x, float* weights, float* c, nint ldc, bool accumulate)
    {
        Pair<T> c0 = default, c1 = default, c2 = default, c3 = default, c4 = default, c5 = default;
        Pair<T> c6 = default, c7 = default, c8 = default, c9 = default, c10 = default, c11 = default;
        int* block = live.Blocks, end = block + live.Count;
        nint row = live.X.Row;
        for (; block < end; block++, weights += live.Slot)
        {
            live.PrefetchAfter(block, x, 12);
            float* piece = x + live.X.Offsets[*block], w = weights;
            for (nint left = live.Lengths[*block]; left > 0; left -= BlockPanels.Piece, piece += live.X.Piece)
            {
                float* a = piece, a4 = a + 4 * row, a8 = a + 8 * row;
                for (nint k = Math.Min(left, BlockPanels.Piece); k > 0; k--, a++, a4++, a8++, w += 2 * T.Count)
                {
                    T b0 = T.Load(w), b1 = T.Load(w + T.Count);
                    c0.MultiplyAdd(*a, b0, b1);
                    c1.MultiplyAdd(a[row], b0, b1);
                    c2.MultiplyAdd(a[2 * row], b0, b1);
                    c3.MultiplyAdd(a[3 * row], b0, b1);
                    c4.MultiplyAdd(*a4, b0, b1);
                    c5.MultiplyAdd(a4[row], b0, b1);
                    c6.MultiplyAdd(a4[2 * row], b0, b1);
                    c7.MultiplyAdd(a4[3 * row], b0, b1);
                    c8.MultiplyAdd(*a8, b0, b1);
                    c9.MultiplyAdd(a8[row], b0, b1);
                    c10.MultiplyAdd(a8[2 * row], b0, b1);
                    c11.MultiplyAdd(a8[3 * row], b0, b1);
                }
            }
        }

        c0.Store(c, accumulate);
        c1.Store(c + ldc, accumulate);
        c2.Store(c + 2 * ldc, accumulate);
        c3.Store(c + 3 * ldc, accumulate);
        c4.Store(c + 4 * ldc, accumulate);
        c5.Store(c + 5 * ldc, accumulate);
        c6.Store(c + 6 * ldc, accumulate);
        c7.Store(c + 7 * ldc, accumulate);
        c8.Store(c + 8 * ldc, accumulate);
        c9.Store(c + 9 * ldc, accumulate);
        c10.Store(c + 10 * ldc, accumulate);
        c11.Store(c + 11 * ldc, accumulate);
    }
}
