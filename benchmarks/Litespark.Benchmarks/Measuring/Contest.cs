using System.Diagnostics;
using Litespark.Devices.Cpu;

namespace Litespark.Benchmarks.Measuring;

/// <summary>One side of a <see cref="Contest"/>.</summary>
internal sealed record Contender(string Name, Action Run);

/// <summary>
/// Times several ways to do one thing in turns. A turn is: wait until every thread of the process sleeps (so that nobody's
/// spinning workers take time from the others), run a few times unmeasured (so that this side's own workers are awake and its
/// operands in the caches), then run for a block (30 ms, or <see cref="Block"/>). Each side's time is the median over its turns; the order of the
/// sides is turned round from round to round, so that a drifting clock favours none. The FMA peak is sampled around every round.
/// </summary>
internal sealed class Contest(WorkerPool pool, PeakProbe probe)
{
    /// <summary>Turns of each side.</summary>
    public int Rounds { get; init; } = 5;

    /// <summary>Least length of a block.</summary>
    public TimeSpan Block { get; init; } = TimeSpan.FromMilliseconds(30);

    /// <summary>Length of the very first runs: memory is touched, and the runtime, which compiles in the background what it has seen called often, is done.</summary>
    public static readonly TimeSpan FirstRuns = TimeSpan.FromMilliseconds(200);

    /// <summary>Least length of the unmeasured runs before a block.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromMilliseconds(3);

    /// <summary>Whether to wait before a turn until all threads sleep: needed where the sides have threads of their own.</summary>
    public bool WaitsForQuiet { get; init; } = true;

    /// <summary>Largest peak seen so far, FLOP/s of the whole pool.</summary>
    public double Peak { get; private set; }

    /// <summary>Seconds of one run of each side, median over its turns.</summary>
    public double[] Measure(params Contender[] sides) => [.. MeasureTurns(sides).Select(Statistics.Median)];

    /// <summary>Seconds of one run of each side in each of its turns: those of one round are neighbours.</summary>
    public double[][] MeasureTurns(params Contender[] sides)
    {
        foreach (Contender side in sides) RunFor(side.Run, FirstRuns);
        var seconds = new double[sides.Length][];
        for (int i = 0; i < sides.Length; i++) seconds[i] = new double[Rounds];
        for (int round = 0; round < Rounds; round++)
        {
            SamplePeak();
            for (int turn = 0; turn < sides.Length; turn++)
            {
                int side = round % 2 == 0 ? turn : sides.Length - 1 - turn;
                if (WaitsForQuiet) Quiet.Wait();
                RunFor(sides[side].Run, WarmUp);
                seconds[side][round] = RunFor(sides[side].Run, Block);
            }
        }

        SamplePeak();
        return seconds;
    }

    /// <summary>Starts the peak anew: for a row of its own.</summary>
    public void ForgetPeak() => Peak = 0;

    void SamplePeak()
    {
        if (WaitsForQuiet) Quiet.Wait();
        Peak = Math.Max(Peak, probe.Sample(pool));
    }

    /// <summary>Runs for a while; returns the seconds of one run.</summary>
    public static double RunFor(Action run, TimeSpan length)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan elapsed;
        int runs = 0;
        do
        {
            run();
            runs++;
            elapsed = Stopwatch.GetElapsedTime(start);
        }
        while (elapsed < length);
        return elapsed.TotalSeconds / runs;
    }
}

/// <summary>Waits until the process uses no processor time: pools' workers have stopped spinning and sleep.</summary>
internal static class Quiet
{
    const int StepMs = 5, MostSteps = 40;
    const double IdleShare = 0.1;

    /// <summary>Returns when a few milliseconds have passed in which the process did next to nothing, at the latest after 0.2 s.</summary>
    public static void Wait()
    {
        for (int i = 0; i < MostSteps; i++)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            long start = Stopwatch.GetTimestamp();
            Thread.Sleep(StepMs);
            if (Environment.CpuUsage.TotalTime - before < IdleShare * Stopwatch.GetElapsedTime(start)) return;
        }
    }
}
