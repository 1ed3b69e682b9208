using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>12 rows × 1 register, for blocks that are only that wide. It loads as often as it multiplies, which costs a fifth of the peak.</summary>
internal readonly unsafe struct NarrowBlockTile<V, T> : IBlockTile
    where V : struct
    where T : struct, IRegister<V>
{
    const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <inheritdoc/>
    public static int Rows { [MethodImpl(Inline)] get => 12; }

    /// <inheritdoc/>
    public static int Columns { [MethodImpl(Inline)] get => T.Count; }

    /// <inheritdoc/>
    public static int LongestSlice => 96;

    /// <inheritdoc/>
    public static bool WantsRowsFetched => true;

    /// <inheritdoc/>
    public static bool Streams => false;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Walk(in LiveBlocks live, float* x, float* weights, float* c, nint ldc, TileStore store)
    {
        bool accumulate = store == TileStore.Add;
        Quad<V, T> c0 = default, c4 = default, c8 = default;
        int* block = live.Blocks, end = block + live.Count;
        nint row = live.X.Row;
        for (; block < end; block++, weights += live.Slot)
        {
            live.PrefetchAfter(block, x, 12);
            float* piece = x + live.X.Offsets[*block], w = weights;
            for (nint left = live.Lengths[*block]; left > 0; left -= BlockPanels.Piece, piece += live.X.Piece)
            {
                float* a = piece, a4 = a + 4 * row, a8 = a + 8 * row;
                for (nint k = Math.Min(left, BlockPanels.Piece); k > 0; k--, a++, a4++, a8++, w += T.Count)
                {
                    V b = T.Load(w);
                    c0 = c0.MultiplyAdd(a, row, b);
                    c4 = c4.MultiplyAdd(a4, row, b);
                    c8 = c8.MultiplyAdd(a8, row, b);
                }
            }
        }

        c0.Store(c, ldc, accumulate);
        c4.Store(c + 4 * ldc, ldc, accumulate);
        c8.Store(c + 8 * ldc, ldc, accumulate);
    }
}
