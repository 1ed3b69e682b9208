using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;

namespace Litespark.Tests.Energy.Simulation;

/// <summary>A kernel that runs for ever on a simulated GPU: clocks under the power limit, temperature settled.</summary>
internal static class SteadyState
{
    /// <summary>Time and energy of one run.</summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="work">The kernel.</param>
    /// <param name="clocks">Bounds of the clocks.</param>
    public static StepCost Run(GpuPhysics gpu, KernelWork work, ClockPair clocks)
    {
        double highest = Math.Min(gpu.CoreMax, clocks.CoreMegahertz ?? gpu.CoreMax), core = highest;
        double memory = Memory(gpu, clocks.MemoryMegahertz, core);
        if (Watts(gpu, work, highest, memory, clocks.IsAutomatic) > gpu.LimitWatts)
        {
            // The governor hovers around the clock at which the limit is met.
            double low = gpu.CoreMin, high = highest;
            for (int i = 0; i < 50; i++)
            {
                core = (low + high) / 2;
                if (Watts(gpu, work, core, memory, clocks.IsAutomatic) > gpu.LimitWatts) high = core;
                else low = core;
            }
        }

        double seconds = gpu.Seconds(work, core, memory);
        return new StepCost(seconds, seconds * Watts(gpu, work, core, memory, clocks.IsAutomatic));
    }

    /// <summary>As a measurement without noise.</summary>
    public static Measurement Measure(GpuPhysics gpu, KernelWork work, ClockPair clocks)
    {
        StepCost cost = Run(gpu, work, clocks);
        return new Measurement(cost.Seconds, cost.Joules, 0, true);
    }

    /// <summary>"405 only holds for core ≤ 420 MHz, otherwise the card uses 810" (arXiv 2601.08539, section 4).</summary>
    static double Memory(GpuPhysics gpu, int? bound, double core)
    {
        double memory = gpu.MemoryClocks.Last(clock => clock <= (bound ?? int.MaxValue));
        return memory == 405 && core > 420 ? 810 : memory;
    }

    /// <summary>Watts at the temperature that they lead to: T = 30 + R·P, P = P₃₀ + leak·(T − 30).</summary>
    static double Watts(GpuPhysics gpu, KernelWork work, double core, double memory, bool isAutomatic)
        => gpu.Watts(work, core, memory, 30, isAutomatic) / (1 - (gpu.LeakWattsPerDegree * gpu.DegreesPerWatt));
}
