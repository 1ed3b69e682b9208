using Litespark.Energy;
using Litespark.Energy.Clocks;

namespace Litespark.Tests.Energy.Simulation;

/// <summary>
/// A simulated GPU in its own time, which moves when kernels run, when clocks are asked for, and by <see cref="Advance"/>: it
/// warms up, its counter steps every 100 ms, clocks hold some time after they were asked for. It is its own clock, meter and control.
/// </summary>
internal sealed class SimulatedGpu(GpuPhysics physics) : TimeProvider, IEnergyMeter, IClockControl
{
    const long Tick = 10_000_000, CounterStep = 100_000_000; // ns

    static KernelWork Rest => default;

    ClockPair current, asked;
    long now, holdsAt;
    double joules, counter;

    /// <summary>Temperature of the chip.</summary>
    public double Celsius { get; private set; } = 30;

    /// <summary>Clock of the core under the last load.</summary>
    public double Core { get; private set; } = physics.CoreMin;

    /// <summary>Whether asking for clocks is refused.</summary>
    public bool IsForbidden { get; set; }

    /// <summary>A clock of the core that holds whatever is asked for; 0 for none.</summary>
    public double StuckCore { get; set; }

    /// <summary>Calls that changed a clock.</summary>
    public int Calls { get; private set; }

    /// <summary>The energy that was truly used.</summary>
    public double TrueJoules => joules;

    public override long TimestampFrequency => 1_000_000_000;

    public string Source => EnergySources.Nvml;

    public bool IsEstimate => false;

    public string Explanation => $"a simulated GPU: {physics.Name}";

    public IReadOnlyList<string> Counted => [];

    public TimeSpan ShortestWindow => TimeSpan.FromSeconds(5);

    public int Gpus => 1;

    public IReadOnlyList<int> MemoryClocks { get; } = [.. physics.MemoryClocks.Select(clock => (int)clock)];

    public IReadOnlyList<int> CoreClocks { get; } = [.. Enumerable.Range(0, (int)((physics.CoreMax - physics.CoreMin) / physics.CoreStep) + 1).Select(i => (int)(physics.CoreMin + (i * physics.CoreStep)))];

    public override long GetTimestamp() => now;

    public double ReadJoules() => counter;

    /// <summary>Time at rest.</summary>
    public void Advance(TimeSpan time) => Spend(Rest, (long)(time.TotalSeconds * 1e9));

    /// <summary>Runs a kernel so many times in a row.</summary>
    public void Run(KernelWork work, int times)
    {
        double left = times;
        while (left > 0)
        {
            (double core, double memory) = Govern(work);
            double seconds = physics.Seconds(work, core, memory);
            long whole = (long)Math.Ceiling(left * seconds * 1e9), until = Math.Min(whole, NextChange() - now);
            Use(work, core, memory, until);
            left = until == whole ? 0 : left - (until * 1e-9 / seconds);
        }
    }

    public void Set(ClockPair clocks)
    {
        if (IsForbidden) throw new UserErrorException("The core clock cannot be changed (Insufficient Permissions).");
        int changes = asked.ChangesTo(clocks);
        if (changes == 0) return;
        Calls += changes;
        Advance(TimeSpan.FromSeconds(changes * physics.CallSeconds));
        asked = clocks;
        holdsAt = now + (long)(physics.SettleSeconds * 1e9);
    }

    public (int CoreMegahertz, int MemoryMegahertz) Read() => ((int)Core, (int)(current.MemoryMegahertz ?? physics.MemoryClocks[^1]));

    public void Dispose()
    {
        if (!asked.IsAutomatic) Set(ClockPair.Automatic);
    }

    void Spend(KernelWork work, long nanoseconds)
    {
        for (long end = now + nanoseconds; now < end;)
            Use(work, physics.CoreMin, physics.MemoryClocks[0], Math.Min(end, NextChange()) - now);
    }

    long NextChange()
    {
        long tick = ((now / Tick) + 1) * Tick;
        return now < holdsAt ? Math.Min(tick, holdsAt) : tick;
    }

    /// <summary>The clocks under a load: bounds, then the power limit.</summary>
    (double Core, double Memory) Govern(KernelWork work)
    {
        if (now >= holdsAt) current = asked;
        double memory = physics.MemoryClocks.Last(clock => clock <= (current.MemoryMegahertz ?? int.MaxValue)), core = Math.Min(physics.CoreMax, current.CoreMegahertz ?? physics.CoreMax);
        if (StuckCore > 0) core = StuckCore;
        while (core > physics.CoreMin && physics.Watts(work, core, memory, Celsius, current.IsAutomatic) > physics.LimitWatts) core -= physics.CoreStep;
        return (Core = core, memory);
    }

    void Use(KernelWork work, double core, double memory, long nanoseconds)
    {
        double seconds = nanoseconds * 1e-9, watts = work == Rest ? RestWatts() : physics.Watts(work, core, memory, Celsius, current.IsAutomatic);
        joules += watts * seconds;
        double target = 30 + (physics.DegreesPerWatt * watts);
        Celsius = target + ((Celsius - target) * Math.Exp(-seconds / physics.ThermalSeconds));
        now += nanoseconds;
        if (now % CounterStep == 0) counter = joules;
        if (now >= holdsAt) current = asked;
    }

    double RestWatts()
    {
        double volts = physics.Volts(physics.CoreMin) / physics.MaxVolts;
        return physics.StaticWatts + (physics.LeakWattsPerDegree * (Celsius - 30)) + (volts * volts * physics.CoreMin / physics.CoreMax * physics.CoreIdleWatts)
            + (physics.MemoryClocks[0] / physics.MemoryClocks[^1] * physics.MemoryIdleWatts);
    }
}
