using Litespark.Energy.Clocks;

namespace Litespark.Energy.Profiles;

/// <summary>Measures what a change of clocks takes here, under the load of a step.</summary>
/// <param name="control">The clocks.</param>
/// <param name="time">The clock.</param>
internal sealed class SwitchingProbe(IClockControl control, TimeProvider time)
{
    const int Changes = 20;
    static readonly TimeSpan LongestSettling = TimeSpan.FromSeconds(1);

    /// <summary>Changes the core's clock to and fro.</summary>
    /// <param name="load">A short piece of work; clocks at rest show nothing.</param>
    /// <param name="watts">Power of the step: taken for the power while it waits, so that a change is rather too dear than too cheap.</param>
    public ClockSwitching Measure(Action load, double watts)
    {
        // Low enough to hold whatever the power limit does.
        int low = control.CoreClocks[control.CoreClocks.Count / 2];
        var calls = new double[Changes];
        double settling = 0;
        for (int i = 0; i < Changes; i++)
        {
            bool isDown = i % 2 == 0;
            long start = time.GetTimestamp();
            control.Set(new ClockPair(isDown ? low : null, null));
            calls[i] = time.GetElapsedTime(start).TotalSeconds;
            if (isDown) settling = Math.Max(settling, Settle(load, low));
        }

        control.Set(ClockPair.Automatic);
        return new ClockSwitching(calls.Order().ElementAt(Changes / 2) / control.Gpus, settling, watts, control.Gpus);
    }

    /// <summary>Seconds until the clock holds: the load's length is the smallest step that is seen.</summary>
    double Settle(Action load, int low)
    {
        long start = time.GetTimestamp();
        do load();
        while (control.Read().CoreMegahertz > low && time.GetElapsedTime(start) < LongestSettling);
        return time.GetElapsedTime(start).TotalSeconds;
    }
}
