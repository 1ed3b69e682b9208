using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>
/// Tiles of the flash-attention kernels for a width of heads and a GPU: the largest that leave no thread without registers (as
/// compiled for sm_80 and sm_90a) and no block without shared memory. Narrow heads let a warp take 32 rows, which halves what it
/// reads from shared memory; wide ones leave registers for 16. Patterns take registers too, and tiles of them lie in cells of 64 queries and keys.
/// </summary>
/// <param name="headDim">Columns of a head, a multiple of 8, at most 256.</param>
/// <param name="gpu">The GPU.</param>
/// <param name="hasPattern">Whether heads have patterns.</param>
internal sealed class AttentionTiles(int headDim, GpuProperties gpu, bool hasPattern = false)
{
    /// <summary>Widest head.</summary>
    public const int WidestHead = 256;

    // GPUs with 160 KiB of shared memory or more (sm_80, sm_90, sm_100) against those with 99 (sm_86, sm_89, sm_120).
    const int MuchShared = 160 << 10, ElementBytes = 2, RowPadding = 8, Narrow = 96, Medium = 128, Rows = 16;

    /// <summary>Columns as they lie in tiles: whole 16-element steps.</summary>
    public int Columns { get; } = ColumnsOf(headDim);

    /// <summary>Whether heads have patterns.</summary>
    public bool HasPattern => hasPattern;

    readonly AttentionTile? gradientKeys, gradientQueries;

    bool HasMuch => gpu.SharedMemoryPerBlock >= MuchShared;

    bool IsRecent => gpu.Major >= 9;

    int RowBytes => RowBytesOf(headDim);

    /// <summary>Bytes from row to row of a tile.</summary>
    public static int RowBytesOf(int headDim) => (ColumnsOf(headDim) + RowPadding) * ElementBytes;

    static int ColumnsOf(int headDim) => (headDim + 15) / 16 * 16;

    /// <summary>Tiles of attention_forward.</summary>
    public AttentionTile Forward
    {
        get
        {
            (int queries, int keys) = (Columns, IsRecent, hasPattern) switch
            {
                ( <= Narrow, _, false) or ( <= Narrow, true, true) or ( <= Medium, true, false) => (128, 64),
                ( <= Narrow, false, true) or ( <= Medium, false, false) or ( <= Medium, true, true) => (128, 32),
                _ => (64, 64),
            };
            return ForwardTile(queries, keys);
        }
    }

    /// <summary>Those, and smaller ones that a GPU may be faster with.</summary>
    public IEnumerable<AttentionTile> ForwardVariants => Smaller(Forward, Rows * Forward.Warps, ForwardTile);

    /// <summary>Tiles of attention_gradient_keys.</summary>
    public AttentionTile GradientKeys
    {
        get
        {
            if (gradientKeys is { } chosen) return chosen;
            (int keys, int queries, int stages) = (Columns, HasMuch) switch
            {
                ( <= 64, _) or ( <= Narrow, true) => (128, 64, 2),
                ( <= Narrow, false) => (64, 64, 2),
                ( <= Medium, true) => (128, hasPattern ? 32 : 48, 2),
                ( <= Medium, false) => (64, 32, 2),
                (_, true) => (64, IsRecent ? 32 : 16, 2),
                _ => (32, 32, 1),
            };
            return GradientKeyTile(queries, keys, stages);
        }

        init => gradientKeys = value;
    }

    /// <summary>Columns that a block of attention_gradient_keys sums: all, or half of those of the widest heads.</summary>
    public int GradientKeyColumns => Columns <= Medium ? Columns : (Columns / 2 + 15) / 16 * 16;

    /// <summary>Tiles of attention_gradient_queries.</summary>
    public AttentionTile GradientQueries
    {
        get
        {
            if (gradientQueries is { } chosen) return chosen;
            (int queries, int keys, int stages, int warps) = (Columns, HasMuch) switch
            {
                ( <= 64, _) => (128, 32, 2, 4),
                ( <= Narrow, _) => (hasPattern && !IsRecent ? 64 : 128, 32, 2, 4),
                ( <= Medium, true) => (64, 64, 2, 4),
                ( <= Medium, false) => (64, 32, 2, 4),
                (_, true) => (64, 32, 2, 4),
                _ => (32, 32, 1, 2),
            };
            return GradientQueryTile(queries, keys, stages, warps);
        }

        init => gradientQueries = value;
    }

    /// <summary>These tiles, and such with a smaller one for one of the gradient's kernels that a GPU may be faster with.</summary>
    public IEnumerable<AttentionTiles> GradientVariants
        => new[] { this }
            .Concat(Smaller(GradientKeys, Rows, (queries, keys) => GradientKeyTile(queries, keys, GradientKeys.Stages)).Skip(1).Select(tile => new AttentionTiles(headDim, gpu, hasPattern) { GradientKeys = tile }))
            .Concat(Smaller(GradientQueries, Rows * GradientQueries.Warps, (queries, keys) => GradientQueryTile(queries, keys, GradientQueries.Stages, GradientQueries.Warps)).Skip(1).Select(tile => new AttentionTiles(headDim, gpu, hasPattern) { GradientQueries = tile }));

    AttentionTile ForwardTile(int queries, int keys) => new(queries, keys, Stages: 1, Warps: 4, (queries + 2 * keys) * RowBytes);

    AttentionTile GradientKeyTile(int queries, int keys, int stages)
    {
        int statistics = (hasPattern ? 5 : 3) * sizeof(float);
        return new AttentionTile(queries, keys, stages, keys / 16, 2 * keys * RowBytes + stages * queries * (2 * RowBytes + statistics));
    }

    AttentionTile GradientQueryTile(int queries, int keys, int stages, int warps) => new(queries, keys, stages, warps, 2 * (queries + stages * keys) * RowBytes);

    /// <summary>A tile, and those of half its queries, half its keys and half of both: they need less of everything. Each warp keeps whole fragments.</summary>
    static IEnumerable<AttentionTile> Smaller(AttentionTile tile, int queryStep, Func<int, int, AttentionTile> make)
    {
        const int Fewest = 32;
        (int Queries, int Keys)[] sizes = [(tile.Queries, tile.Keys), (tile.Queries / 2, tile.Keys), (tile.Queries, tile.Keys / 2), (tile.Queries / 2, tile.Keys / 2)];
        return sizes.Where((size, i) => i == 0 || (size.Queries >= Fewest && size.Keys >= Fewest && size.Queries % queryStep == 0 && size.Keys % Rows == 0))
            .Select(size => make(size.Queries, size.Keys));
    }
}

/// <summary>Tiles of one kernel.</summary>
/// <param name="Queries">Queries of a tile.</param>
/// <param name="Keys">Keys of a tile.</param>
/// <param name="Stages">Tiles in flight.</param>
/// <param name="Warps">Warps of a block.</param>
/// <param name="SharedBytes">Shared memory of a block.</param>
internal readonly record struct AttentionTile(int Queries, int Keys, int Stages, int Warps, int SharedBytes)
{
    const int WarpSize = 32;

    /// <summary>Threads of a block.</summary>
    public int Threads => Warps * WarpSize;

    /// <summary>Tiles of queries that cover a sequence.</summary>
    public int QueryTiles(int tokens) => (tokens + Queries - 1) / Queries;

    /// <summary>Tiles of keys that cover a sequence.</summary>
    public int KeyTiles(int tokens) => (tokens + Keys - 1) / Keys;
}
