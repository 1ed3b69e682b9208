using System.Runtime.CompilerServices;
using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu.Kernels;

/// <summary>
/// A block of C, tile by tile: column by column, so that a panel of B stays in the first cache; row by row where all panels of B stay in the second
/// one and rows are long, so that C, large for so little work, comes and goes in long streams. Tiles that hang over the edge of C are computed
/// in a buffer, of which only C's part is stored.
/// </summary>
internal static unsafe class GemmBlock
{
    const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    // Floats per cache line.
    const int CacheLine = 16;

    // Columns of C that make a row long, and floats of B's panels that are few enough: with 768 KiB and nearly 1 MiB of them, rows were no
    // slower and up to 11 % faster where the second cache has 1 MiB.
    const int LongRow = 512, NearFloats = 1 << 18;

    /// <summary>
    /// C[rows, columns] (+)= A · B panels over <paramref name="k"/>, panels as <see cref="GemmPack"/> lays them. The epilogue sees every tile once;
    /// (row, column) is where the block begins in C. What is read next is asked for on the way.
    /// </summary>
    [SkipLocalsInit]
    [MethodImpl(Hot)]
    public static void Multiply<TTile, TReading, TEpilogue>(int rows, int columns, int k, RowsOfA a, float* bPanels, float* c, nint ldc, bool accumulate,
        TEpilogue epilogue, int row, int column, SoonRead soon = default)
        where TTile : struct, IGemmTile
        where TReading : struct, IReadingOfA
        where TEpilogue : struct, ITileEpilogue
    {
        nint bLength = GemmPack.PanelLength(TTile.Columns, k);
        float* edge = stackalloc float[TTile.Rows * TTile.Columns];
        int down = GemmPack.PanelCount(TTile.Rows, rows), across = GemmPack.PanelCount(TTile.Columns, columns);
        bool byRows = columns >= LongRow && (long)columns * k <= NearFloats;
        int outer = byRows ? down : across, inner = byRows ? across : down;
        // Column by column, each tile brings its share of the next panel of B nearer, which comes from the last cache where B is large: a line at most
        // with every k, so that very few rows leave some of it.
        nint step = byRows ? 0 : Math.Min(CacheLine, GemmBlocking.Count(TTile.Columns, down));
        soon.Begin(down * across);
        // One loop for both orders, and one place for a tile: with a tile in each of two, it ran at two thirds of the speed (.NET 10).
        for (int o = 0; o < outer; o++)
        {
            for (int n = 0; n < inner; n++)
            {
                int panelA = byRows ? o : n, panelB = byRows ? n : o, i = panelA * TTile.Rows, j = panelB * TTile.Columns;
                int height = Math.Min(TTile.Rows, rows - i), width = Math.Min(TTile.Columns, columns - j);
                float* b = bPanels + panelB * bLength, tile = c + i * ldc + j, ahead = byRows ? b : b + bLength + panelA * step * k;
                bool whole = height == TTile.Rows && width == TTile.Columns;
                if (whole) PrefetchTile(tile, ldc, TTile.Rows, TTile.Columns);
                soon.Ask();
                if (TReading.ReadsAll || height == TTile.Rows)
                    TReading.Multiply<TTile>(k, a.Tile(panelA), a.Stride, b, whole ? tile : edge, whole ? ldc : TTile.Columns, whole && accumulate, ahead, step);
                else
                    TTile.Packed(k, a.Rest, b, edge, TTile.Columns, accumulate: false, ahead, step);
                if (!whole) StoreEdge(edge, TTile.Columns, tile, ldc, height, width, accumulate);

                epilogue.Apply(tile, ldc, height, width, row + i, column + j);
            }
        }
    }

    /// <summary>
    /// C is not in the caches when a tile is done with k: its lines, which are fetched even where they are only written, come meanwhile. Into the second
    /// cache, since the panels would drive them out of the first one, whose buffers for lines on their way are few.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void PrefetchTile(float* c, nint ldc, int rows, int columns)
    {
        if (StreamingStores.Fit(c, ldc, columns))
        {
            for (int r = 0; r < rows; r++, c += ldc) Prefetch.Nearby(c, columns);
            return;
        }

        for (int r = 0; r < rows; r++, c += ldc)
        {
            for (int j = 0; j < columns; j += CacheLine) Prefetch.Nearby(c + j, 1);
            Prefetch.Nearby(c + columns - 1, 1); // rows of C begin anywhere in a line
        }
    }

    /// <summary>Stores or adds the upper left height × width part of a tile buffer to C.</summary>
    [MethodImpl(Hot)]
    public static void StoreEdge(float* edge, nint stride, float* c, nint ldc, int height, int width, bool accumulate)
    {
        for (int r = 0; r < height; r++, edge += stride, c += ldc)
        {
            for (int j = 0; j < width; j++) c[j] = accumulate ? c[j] + edge[j] : edge[j];
        }
    }
}
