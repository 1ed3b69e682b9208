using Litespark.Graphs;

namespace Litespark.Planning;

/// <summary>
/// A device's peaks, sampled around what is timed, as a processor's swing; the largest sample of each counts. Utilisation is null where a
/// peak is not known: MFU is the model's FLOPs over the peak of <see cref="DeviceProfile.PeakPrecision"/>, HFU what each call executed over
/// the peak of the call's own precision.
/// </summary>
internal sealed class DevicePeaks(IDevice device)
{
    readonly DataType[] precisions = [.. new[] { device.Profile.PeakPrecision, DataType.Float32 }.Distinct()];
    readonly double?[] largest = new double?[Enum.GetValues<DataType>().Length];

    /// <summary>Peak in FLOP/s by MFU's convention; null before the first sample, and where it is not known.</summary>
    public double? Flops => largest[(int)device.Profile.PeakPrecision];

    /// <summary>Measures the peaks again.</summary>
    public void Sample()
    {
        foreach (DataType precision in precisions)
            if (device.SamplePeakFlops(precision) is { } sample) largest[(int)precision] = Math.Max(largest[(int)precision] ?? 0, sample);
    }

    /// <summary>Model FLOPs over what the device could have done in that time, 0 to 1.</summary>
    public double? Mfu(double modelFlops, double seconds) => modelFlops / seconds / Flops;

    /// <summary>Seconds that the work takes at the peaks, over those that it took, 0 to 1.</summary>
    public double? Hfu(ReadOnlySpan<PrecisionWork> work, double seconds)
    {
        double? least = 0;
        foreach (PrecisionWork part in work) least += part.Flops / largest[(int)part.Precision];
        return least / seconds;
    }
}
