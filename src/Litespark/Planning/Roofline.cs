using Litespark.Graphs;

namespace Litespark.Planning;

/// <summary>
/// The least time that a device needs for a kernel call: computing at its peak or moving the operands once, whichever takes
/// longer (the roofline model: Williams, Waterman and Patterson, 2009, doi:10.1145/1498765.1498785).
/// </summary>
/// <param name="PeakFlops">FLOP/s.</param>
/// <param name="Bandwidth">Bytes/s, read plus written.</param>
public readonly record struct Roofline(double PeakFlops, double Bandwidth)
{
    const int PeakSamples = 5;

    /// <summary>Measures a device; the largest sample of the peak counts.</summary>
    public static Roofline Measure(IDevice device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return new Roofline(Enumerable.Range(0, PeakSamples).Max(_ => device.SamplePeakFlops()), device.SampleBandwidth());
    }

    /// <summary>Seconds for one call.</summary>
    public double Seconds(Cost cost) => Math.Max(cost.Flops / PeakFlops, cost.Bytes / Bandwidth);
}
