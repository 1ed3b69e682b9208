using System.Diagnostics;
using Litespark.Planning;

namespace Litespark.SelfTesting;

/// <summary>Times the only call of programs that do the same, in turns, so that all see the same clock and temperature.</summary>
internal static class TurnClock
{
    const double SampleSeconds = 0.02;
    const int Rounds = 5, MostTimes = 1 << 10, RunsPerLaunch = 32;

    /// <summary>Median seconds of one run of each.</summary>
    /// <param name="plan">The plan's name in all of them.</param>
    /// <param name="programs">Loaded programs.</param>
    public static double[] Time(string plan, params IReadOnlyList<ILoadedProgram> programs)
    {
        int[] times = [.. programs.Select(program => Times(Seconds(program, plan, 1)))];
        for (int i = 0; i < programs.Count; i++) Seconds(programs[i], plan, times[i]); // what is launched as one is recorded
        double[][] samples = [.. programs.Select(_ => new double[Rounds])];
        for (int round = 0; round < Rounds; round++)
            for (int i = 0; i < programs.Count; i++) samples[i][round] = Seconds(programs[i], plan, times[i]) / times[i];
        return [.. samples.Select(rounds => rounds.Order().ElementAt(Rounds / 2))];
    }

    /// <summary>Runs in a sample, in whole launches where they are many.</summary>
    static int Times(double seconds) => Math.Clamp((int)(SampleSeconds / seconds), 1, MostTimes) is var times && times < RunsPerLaunch ? times : times / RunsPerLaunch * RunsPerLaunch;

    static double Seconds(ILoadedProgram program, string plan, int times)
    {
        long start = Stopwatch.GetTimestamp();
        program.Repeat(program.Program.Plans[plan], 0, times);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
