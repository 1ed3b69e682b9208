using System.Runtime.CompilerServices;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>A block of C from packed panels: tiles column by column, so that a panel of B stays in the first cache.</summary>
internal static unsafe class GemmBlock
{
    /// <summary>
    /// C[rows, columns] (+)= A panels · B panels over <paramref name="k"/>, the panels as <see cref="GemmPack"/> lays them.
    /// The epilogue sees every tile once; (row, column) is where the block begins in C. Tiles that hang over the edge of C are computed in a buffer, of which only C's part is stored.
    /// </summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<TTile, TEpilogue>(int rows, int columns, int k, float* aPanels, float* bPanels, float* c, nint ldc, bool accumulate,
        TEpilogue epilogue, int row, int column)
        where TTile : struct, IGemmTile
        where TEpilogue : struct, ITileEpilogue
    {
        nint aLength = GemmPack.PanelLength(TTile.Rows, k), bLength = GemmPack.PanelLength(TTile.Columns, k);
        float* edge = stackalloc float[TTile.Rows * TTile.Columns];
        for (int j = 0; j < columns; j += TTile.Columns, bPanels += bLength)
        {
            int width = Math.Min(TTile.Columns, columns - j);
            float* a = aPanels, tile = c + j;
            for (int i = 0; i < rows; i += TTile.Rows, a += aLength, tile += TTile.Rows * ldc)
            {
                int height = Math.Min(TTile.Rows, rows - i);
                if (height == TTile.Rows && width == TTile.Columns)
                {
                    TTile.Packed(k, a, bPanels, tile, ldc, accumulate);
                }
                else
                {
                    TTile.Packed(k, a, bPanels, edge, TTile.Columns, accumulate: false);
                    StoreEdge(edge, TTile.Columns, tile, ldc, height, width, accumulate);
                }
                epilogue.Apply(tile, ldc, height, width, row + i, column + j);
            }
        }
    }

    /// <summary>Stores or adds the upper left height × width part of a tile buffer to C.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StoreEdge(float* edge, nint stride, float* c, nint ldc, int height, int width, bool accumulate)
    {
        for (int r = 0; r < height; r++, edge += stride, c += ldc)
        {
            for (int j = 0; j < width; j++) c[j] = accumulate ? c[j] + edge[j] : edge[j];
        }
    }
}
