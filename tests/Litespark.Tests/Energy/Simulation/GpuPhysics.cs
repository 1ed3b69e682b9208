namespace Litespark.Tests.Energy.Simulation;

/// <summary>
/// What a simulated GPU is; the same physics as in <c>standin_nvml.c</c>, whose kinds stand here again. A kernel is so many
/// cycles of the core and of the memory; core and memory work side by side. P = static + leakage(temperature) +
/// core(f, V(f), load) + memory(f, load). Where the power limit is passed the core's clock gives way.
/// </summary>
internal sealed record GpuPhysics
{
    public required string Name { get; init; }

    public required double CoreMin { get; init; }

    public required double CoreMax { get; init; }

    public required double CoreStep { get; init; }

    /// <summary>MHz, ascending.</summary>
    public required double[] MemoryClocks { get; init; }

    public required double LimitWatts { get; init; }

    public required double StaticWatts { get; init; }

    /// <summary>Of the core's clock tree, at the highest clock and voltage.</summary>
    public required double CoreIdleWatts { get; init; }

    /// <summary>Of a fully busy core, at the highest clock and voltage.</summary>
    public required double CoreWatts { get; init; }

    public required double MemoryIdleWatts { get; init; }

    public required double MemoryWatts { get; init; }

    /// <summary>Up to here the voltage is at its lowest.</summary>
    public required double KneeMegahertz { get; init; }

    public required double KneeVolts { get; init; }

    public required double MaxVolts { get; init; }

    public double DegreesPerWatt { get; init; }

    public double ThermalSeconds { get; init; } = 1;

    public double LeakWattsPerDegree { get; init; }

    /// <summary>Of a call that changes a clock.</summary>
    public double CallSeconds { get; init; }

    public double SettleSeconds { get; init; }

    /// <summary>Watts more where both clocks are automatic.</summary>
    public double AutomaticWatts { get; init; }

    /// <summary>How sharply the slower of core and memory rules: the time is (core^p + memory^p)^(1/p); infinite is the roofline's corner.</summary>
    public double Sharpness { get; init; } = double.PositiveInfinity;

    /// <summary>The kinds of <c>standin_nvml.c</c>.</summary>
    public static readonly GpuPhysics Rtx3080Ti = new()
    {
        Name = "Simulated RTX 3080 Ti", CoreMin = 210, CoreMax = 2100, CoreStep = 15, MemoryClocks = [405, 810, 5001, 9251, 9501],
        LimitWatts = 350, StaticWatts = 25, CoreIdleWatts = 20, CoreWatts = 250, MemoryIdleWatts = 15, MemoryWatts = 75, KneeMegahertz = 1000, KneeVolts = 0.75, MaxVolts = 1.1,
        DegreesPerWatt = 0.134, ThermalSeconds = 30, LeakWattsPerDegree = 0.2, CallSeconds = 0.040, SettleSeconds = 0.010,
    };

    /// <inheritdoc cref="Rtx3080Ti"/>
    public static readonly GpuPhysics H200 = new()
    {
        Name = "Simulated H200", CoreMin = 345, CoreMax = 1980, CoreStep = 15, MemoryClocks = [3201],
        LimitWatts = 700, StaticWatts = 70, CoreIdleWatts = 60, CoreWatts = 560, MemoryIdleWatts = 20, MemoryWatts = 130, KneeMegahertz = 1200, KneeVolts = 0.7, MaxVolts = 1.05,
        DegreesPerWatt = 0.06, ThermalSeconds = 20, LeakWattsPerDegree = 0.4, CallSeconds = 0.0051, SettleSeconds = 0.0009,
    };

    /// <inheritdoc cref="Rtx3080Ti"/>
    public static readonly GpuPhysics Tomorrow = new()
    {
        Name = "Simulated GPU of tomorrow", CoreMin = 200, CoreMax = 2400, CoreStep = 25, MemoryClocks = [2000, 4000],
        LimitWatts = 1000, StaticWatts = 90, CoreIdleWatts = 80, CoreWatts = 700, MemoryIdleWatts = 30, MemoryWatts = 200, KneeMegahertz = 1300, KneeVolts = 0.65, MaxVolts = 1.0,
        DegreesPerWatt = 0.045, ThermalSeconds = 20, LeakWattsPerDegree = 0.5, CallSeconds = 0.000008, SettleSeconds = 0.000002,
    };

    /// <summary>Core voltage at a clock.</summary>
    public double Volts(double core) => core <= KneeMegahertz ? KneeVolts : KneeVolts + ((MaxVolts - KneeVolts) * (core - KneeMegahertz) / (CoreMax - KneeMegahertz));

    /// <summary>Seconds of a kernel of so many millions of cycles at clocks in MHz.</summary>
    public double Seconds(KernelWork work, double core, double memory)
    {
        (double a, double b) = (work.CoreMegacycles / core, work.MemoryMegacycles / memory);
        double longer = Math.Max(a, b);
        if (double.IsPositiveInfinity(Sharpness) || longer == 0) return longer;
        // The longer one taken out, so that high powers don't underflow.
        return longer * Math.Pow(Math.Pow(a / longer, Sharpness) + Math.Pow(b / longer, Sharpness), 1 / Sharpness);
    }

    /// <summary>Watts while a kernel runs.</summary>
    public double Watts(KernelWork work, double core, double memory, double celsius, bool isAutomatic)
    {
        double seconds = Seconds(work, core, memory);
        double volts = Volts(core) / MaxVolts, coreShare = volts * volts * core / CoreMax, memoryShare = memory / MemoryClocks[^1];
        return StaticWatts + (LeakWattsPerDegree * (celsius - 30)) + (isAutomatic ? AutomaticWatts : 0)
            + (coreShare * (CoreIdleWatts + (CoreWatts * work.CorePower * work.CoreMegacycles / core / seconds)))
            + (memoryShare * (MemoryIdleWatts + (MemoryWatts * work.MemoryMegacycles / memory / seconds)));
    }
}

/// <summary>What a kernel does.</summary>
/// <param name="CoreMegacycles">Millions of cycles of the core.</param>
/// <param name="MemoryMegacycles">Millions of cycles of the memory.</param>
/// <param name="CorePower">Power of the busy core, relative to <see cref="GpuPhysics.CoreWatts"/>.</param>
internal readonly record struct KernelWork(double CoreMegacycles, double MemoryMegacycles, double CorePower = 1);
