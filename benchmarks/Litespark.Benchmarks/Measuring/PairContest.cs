using System.Diagnostics;

namespace Litespark.Benchmarks.Measuring;

/// <summary>Times of pairs of turns, summed up: the two turns of a pair saw the same machine, so the ratio of each pair counts.</summary>
/// <param name="First">Median seconds of the first side.</param>
/// <param name="Second">Median seconds of the second side.</param>
/// <param name="Ratio">Median of the ratios first/second.</param>
/// <param name="Lower">Their lower quartile.</param>
/// <param name="Upper">Their upper quartile.</param>
/// <param name="Pairs">Number of pairs.</param>
internal readonly record struct PairFigures(double First, double Second, double Ratio, double Lower, double Upper, int Pairs)
{
    /// <summary>Sums up.</summary>
    /// <exception cref="ArgumentException">There are no pairs.</exception>
    public static PairFigures Of(IReadOnlyList<(double First, double Second)> pairs)
    {
        double[] ratios = [.. pairs.Select(pair => pair.First / pair.Second)];
        return new PairFigures(Statistics.Median(pairs.Select(pair => pair.First)), Statistics.Median(pairs.Select(pair => pair.Second)),
            Statistics.Median(ratios), Statistics.Quantile(ratios, 0.25), Statistics.Quantile(ratios, 0.75), pairs.Count);
    }
}

/// <summary>One side of a <see cref="PairContest"/>.</summary>
/// <param name="Restore">Puts its operands in order, unmeasured.</param>
/// <param name="Run">Runs once.</param>
internal sealed record PairSide(Action Restore, Action Run);

/// <summary>
/// Times two sides in pairs of short turns until a time is over: on a busy machine, whose speed is another from second to second,
/// many neighbouring pairs say more than a few long turns. A turn is as in <see cref="Contest"/>: all threads sleep, the side runs
/// unmeasured, then a block of runs is measured, whose median counts. Who begins changes from pair to pair.
/// </summary>
internal sealed class PairContest
{
    const int MostRuns = 32;

    readonly double[] block = new double[MostRuns];

    /// <summary>Time for all pairs.</summary>
    public required TimeSpan Budget { get; init; }

    /// <summary>Pairs that are made whatever time they take.</summary>
    public int LeastPairs { get; init; } = 5;

    /// <summary>Length of the unmeasured runs of a turn, 32 at most; zero for none.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromMilliseconds(3);

    /// <summary>Length of a measured block; one run may be longer, and a block has at most 32.</summary>
    public TimeSpan Block { get; init; } = TimeSpan.FromMilliseconds(4);

    /// <summary>Measures.</summary>
    public PairFigures Measure(PairSide first, PairSide second)
    {
        double estimate = Math.Max(First(first), First(second));
        int warm = WarmUp == TimeSpan.Zero ? 0 : RunsIn(WarmUp, estimate), runs = RunsIn(Block, estimate);
        var pairs = new List<(double, double)>();
        long start = Stopwatch.GetTimestamp();
        while (pairs.Count < LeastPairs || Stopwatch.GetElapsedTime(start) < Budget)
        {
            if (pairs.Count % 2 == 0)
            {
                double seconds = Turn(first, warm, runs);
                pairs.Add((seconds, Turn(second, warm, runs)));
            }
            else
            {
                double seconds = Turn(second, warm, runs);
                pairs.Add((Turn(first, warm, runs), seconds));
            }
        }

        return PairFigures.Of(pairs);
    }

    /// <summary>Runs that fill a time, at least one.</summary>
    internal static int RunsIn(TimeSpan length, double secondsOfRun) => (int)Math.Clamp(Math.Ceiling(length.TotalSeconds / secondsOfRun), 1, MostRuns);

    /// <summary>Seconds of one run, the better of two; the first may wake threads.</summary>
    static double First(PairSide side)
    {
        Quiet.Wait();
        side.Restore();
        return Math.Min(Time(side), Time(side));
    }

    double Turn(PairSide side, int warm, int runs)
    {
        Quiet.Wait();
        side.Restore();
        for (int i = 0; i < warm; i++) side.Run();
        for (int i = 0; i < runs; i++) block[i] = Time(side);
        return Statistics.Median(block.Take(runs));
    }

    static double Time(PairSide side)
    {
        long start = Stopwatch.GetTimestamp();
        side.Run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
