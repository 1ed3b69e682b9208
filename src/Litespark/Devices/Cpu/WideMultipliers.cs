using Litespark.Devices.Cpu.Simd;

namespace Litespark.Devices.Cpu;

/// <summary>
/// Whether registers of 512 bits multiply about twice as many floats in a cycle as those of 256 bits (Intel's server processors, Zen 5), or as many
/// (Zen 4, which takes them in halves; most of Intel's others have one such multiplier). No processor says so, so it is measured, once.
/// Only kernels with the same bits at either width may ask.
/// </summary>
internal static class WideMultipliers
{
    const int Turns = 6;

    /// <summary>Whether it is so here.</summary>
    public static bool Present { get; } = SimdWidth.Count == 16 && Measure();

    static bool Measure()
    {
        (var narrow, var wide) = (new PeakProbe(8), new PeakProbe(16));
        (double narrowRate, double wideRate) = (0, 0);
        // In turns, and the best of each: neighbours take speed from both. The first turn compiles.
        for (int i = 0; i < Turns; i++)
        {
            narrowRate = Math.Max(narrowRate, narrow.SampleThread());
            wideRate = Math.Max(wideRate, wide.SampleThread());
        }

        return wideRate > 1.5 * narrowRate;
    }
}
