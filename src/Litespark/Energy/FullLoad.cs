using System.Globalization;

namespace Litespark.Energy;

/// <summary>The power that a run is taken to draw before anything ran: a forecast of energy is this × a forecast of time.</summary>
/// <param name="Watts">Power.</param>
/// <param name="Explanation">What it assumes.</param>
internal readonly record struct FullLoad(double Watts, string Explanation)
{
    /// <summary>Watts assumed for one GPU where no power is stated: between a desktop's (RTX 3080 Ti: 350 W) and a server's (H200: 700 W).</summary>
    public const double DefaultWattsPerGpu = 500;

    /// <summary>Power of so many busy threads, or of a run's GPUs; the same figures as the estimating meters take.</summary>
    public static FullLoad Of(EnergyMeterOptions options, int threads)
    {
        if (options.IsOnGpu)
        {
            int count = options.Gpus.Count;
            return options.TdpWatts is { } stated
                ? Text(stated, $"the stated {stated} W of all GPUs")
                : Text(DefaultWattsPerGpu * count, $"an assumed {DefaultWattsPerGpu} W for each of {count} GPUs");
        }

        int processors = UtilizationMeter.CountProcessors(options.SysfsRoot);
        return options.TdpWatts is { } watts
            ? Text(watts / processors * Math.Min(threads, processors), $"{threads} of {processors} logical processors at the stated {watts} W of all")
            : Text(UtilizationMeter.DefaultWattsPerProcessor * threads, $"{threads} busy threads at an assumed {UtilizationMeter.DefaultWattsPerProcessor} W each");
    }

    static FullLoad Text(double watts, FormattableString text) => new(watts, text.ToString(CultureInfo.InvariantCulture));
}
