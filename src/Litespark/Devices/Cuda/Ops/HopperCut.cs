namespace Litespark.Devices.Cuda.Ops;

/// <summary>A tile for Hopper and into how many parts K is split; the parts' sums are added afterwards in order.</summary>
internal readonly record struct HopperCut(HopperTile Tile, int Splits)
{
    // A model to rank cuts with, in clock cycles of one multiprocessor. Products over live blocks on an H200 have 58 % of its peak rate in tiles of
    // 256 × 128 and 45 % in tiles of 128 × 128; the rest are orders of magnitude, not measurements.
    const double MultiplyAddsPerCycle = 2048, LargeTile = 0.6, SmallTile = 0.45, StoreBytesPerCycle = 24, BytesPerCycle = 18, StartOfSumming = 5000;

    const int MostSplits = 32;
    const long MostPartialBytes = 64L << 20;

    /// <summary>Steps of 64 of a part; the last may have fewer.</summary>
    public int Each(int k) => (Steps(k) + Splits - 1) / Splits;

    /// <summary>The cut with the shortest time by the model; the same for the same shape on the same kind of GPU, so that results keep their bits.</summary>
    public static HopperCut Choose(IReadOnlyList<HopperTile> tiles, int m, int n, int k, int multiprocessors)
    {
        HopperCut best = new(tiles[^1], 1);
        double least = double.MaxValue;
        foreach (HopperTile tile in tiles)
        {
            for (int splits = 1; splits <= MostSplits; splits++)
            {
                var cut = new HopperCut(tile, splits);
                if (splits > 1 && (long)splits * m * n * sizeof(float) > MostPartialBytes) break;
                if ((splits - 1) * cut.Each(k) >= Steps(k)) continue; // the last part would be empty
                double cycles = cut.Cycles(m, n, k, multiprocessors);
                if (cycles < least) (least, best) = (cycles, cut);
            }
        }

        return best;
    }

    double Cycles(int m, int n, int k, int multiprocessors)
    {
        double area = (double)Tile.Rows * Tile.Columns, rounds = Math.Ceiling((double)Tile.Tiles(m, n) * Splits / multiprocessors);
        double rate = MultiplyAddsPerCycle * (area > HopperTile.Side * HopperTile.Side ? LargeTile : SmallTile);
        double summing = Splits == 1 ? 0 : StartOfSumming + 2.0 * Splits * m * n * sizeof(float) / (BytesPerCycle * multiprocessors);
        return rounds * (Each(k) * HopperTile.Step * area / rate + area * sizeof(float) / StoreBytesPerCycle) + summing;
    }

    static int Steps(int k) => (k + HopperTile.Step - 1) / HopperTile.Step;
}
