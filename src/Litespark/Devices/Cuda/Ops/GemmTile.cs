using Litespark.Devices.Cuda.Driver;

namespace Litespark.Devices.Cuda.Ops;

/// <summary>How a product is cut into blocks: each computes M × N of the result in steps of K, with its warps in a grid.</summary>
/// <param name="M">Rows of a block.</param>
/// <param name="N">Columns of a block.</param>
/// <param name="K">Length of a step.</param>
/// <param name="Stages">Steps in flight.</param>
/// <param name="WarpsM">Warps below each other.</param>
/// <param name="WarpsN">Warps beside each other.</param>
internal sealed record GemmTile(int M, int N, int K, int Stages, int WarpsM, int WarpsN)
{
    const int WarpSize = 32, OperandBytes = 2;

    /// <summary>Blocks for tensor cores, from the largest. All fit the shared memory of every GPU that has bf16 tensor cores (99 KiB).</summary>
    public static IReadOnlyList<GemmTile> TensorCore { get; } = [new(128, 256, 32, 4, 2, 4), new(128, 128, 32, 4, 2, 4), new(64, 64, 32, 4, 2, 2)];

    /// <summary>The block of the kernel without tensor cores.</summary>
    public static GemmTile Plain { get; } = new(64, 64, 16, 1, 4, 2);

    /// <summary>Threads of a block.</summary>
    public int Threads => WarpsM * WarpsN * WarpSize;

    /// <summary>Shared memory of a block on tensor cores.</summary>
    public int SharedBytes => (M + N) * K * Stages * OperandBytes;

    /// <summary>The kernel's macros.</summary>
    public string[] Defines => [$"TILE_M={M}", $"TILE_N={N}", $"TILE_K={K}", $"STAGES={Stages}", $"WARPS_M={WarpsM}", $"WARPS_N={WarpsN}"];

    /// <summary>Blocks that cover an m × n result.</summary>
    public long Blocks(int m, int n) => (long)((m + M - 1) / M) * ((n + N - 1) / N);
}

/// <summary>A block size and into how many parts K is split; the parts' sums are added afterwards in order.</summary>
internal readonly record struct GemmCut(GemmTile Tile, int Splits)
{
    // A model to rank cuts with, in clock cycles of one multiprocessor; orders of magnitude of Ampere and Hopper, not measurements.
    const double MultiplyAddsPerCycle = 600, BytesPerCycle = 18, StartOfSumming = 5000, FillOfPipeline = 1500;

    const int MostSplits = 32, FewestSteps = 8;
    const long MostPartialBytes = 64L << 20;

    /// <summary>
    /// The cut with the shortest time by the model: large blocks read less, small ones and split sums leave fewer multiprocessors idle.
    /// The same for the same shape on the same kind of GPU, so that results keep their bits.
    /// </summary>
    /// <param name="tiles">Block sizes to choose from, the largest first.</param>
    /// <param name="m">Rows of the result.</param>
    /// <param name="n">Columns of the result.</param>
    /// <param name="k">Length of the sums.</param>
    /// <param name="batch">Products; only a single one is split.</param>
    /// <param name="gpu">The GPU.</param>
    public static GemmCut Choose(IReadOnlyList<GemmTile> tiles, int m, int n, int k, long batch, GpuProperties gpu)
    {
        GemmCut best = new(tiles[^1], 1);
        double least = double.MaxValue;
        foreach (GemmTile tile in tiles)
        {
            int steps = (k + tile.K - 1) / tile.K;
            for (int splits = 1; splits <= MostSplits; splits++)
            {
                bool allowed = splits == 1 || (batch == 1 && steps / splits >= FewestSteps && (long)splits * m * n * sizeof(float) <= MostPartialBytes);
                if (!allowed) break;
                int stepsEach = (steps + splits - 1) / splits;
                if ((splits - 1) * stepsEach >= steps) continue; // the last part would be empty
                double cycles = Cycles(tile, m, n, steps, batch, splits, gpu.Multiprocessors);
                if (cycles < least) (least, best) = (cycles, new GemmCut(tile, splits));
            }
        }

        return best;
    }

    static double Cycles(GemmTile tile, int m, int n, int steps, long batch, int splits, int multiprocessors)
    {
        // The larger a warp's part of the result, the more often it uses what it has read from shared memory.
        int warpM = tile.M / tile.WarpsM, warpN = tile.N / tile.WarpsN;
        double reuse = (double)warpM * warpN / (warpM + warpN), efficiency = reuse / (reuse + 4);
        double rounds = Math.Ceiling((double)tile.Blocks(m, n) * batch * splits / multiprocessors), stepsEach = Math.Ceiling((double)steps / splits);
        double products = rounds * (tile.M * tile.N * tile.K * stepsEach / (MultiplyAddsPerCycle * efficiency) + FillOfPipeline);
        double summing = splits == 1 ? 0 : StartOfSumming + 2.0 * splits * m * n * sizeof(float) / (BytesPerCycle * multiprocessors);
        return products + summing;
    }
}
