using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;

namespace Litespark.Energy.Advice;

/// <summary>
/// What power limits would do, from a profile over core clocks: under a limit a GPU lowers its core's clock until its power is
/// within, so that each kernel runs at the limit, between the fastest point whose mean power is within and the next faster one.
/// A prediction, linear between the clocks that were tried: measure a limit before it is kept.
/// </summary>
public static class PowerLimits
{
    /// <summary>Distance of limits in watts, as in Zeus.</summary>
    public const double DefaultStep = 25;

    /// <summary>Limits from the power that no kernel passes downwards, with the time and energy of a step; watts are of one GPU.</summary>
    /// <param name="profile">A profile with energy and several core clocks.</param>
    /// <param name="step">Distance of limits in watts.</param>
    /// <exception cref="UserErrorException">The profile has no energy, or no other core clocks.</exception>
    public static IReadOnlyList<AdviceOption> Of(EnergyProfile profile, double step = DefaultStep)
    {
        ArgumentNullException.ThrowIfNull(profile);
        if (!(step > 0)) throw new ArgumentOutOfRangeException(nameof(step), "a distance of watts is above 0");
        RequireEnergy(profile);
        // A power limit moves the core's clock; the memory's stays as it is.
        int[] clocks = [.. Enumerable.Range(0, profile.Clocks.Count).Where(index => profile.Clocks[index].MemoryMegahertz is null)];
        if (clocks.Length < 2) throw new UserErrorException($"The profile of {profile.Device.Hardware} has automatic clocks alone: what a power limit does is read off several core clocks ('litespark energy profile --grid').");
        int gpus = profile.Switching?.Gpus ?? 1;
        double highest = Math.Ceiling(profile.Kernels.Max(kernel => kernel.Automatic.Watts!.Value) / gpus / step) * step;
        var options = new List<AdviceOption>();
        for (double limit = highest; limit > 0; limit -= step)
        {
            if (Under(profile, clocks, limit * gpus) is not { } cost) break;
            options.Add(new AdviceOption(limit, cost));
        }

        return options;
    }

    /// <summary>Refuses a profile without energy.</summary>
    internal static void RequireEnergy(EnergyProfile profile)
    {
        if (!profile.HasEnergy) throw new UserErrorException($"The profile of {profile.Device.Hardware} has no measured energy (energy_source: {profile.Device.EnergySource}): no advice follows from it. {profile.Device.EnergyExplanation}");
    }

    /// <summary>A step under a limit; null where a kernel passes it at every clock.</summary>
    static StepCost? Under(EnergyProfile profile, int[] clocks, double watts)
    {
        int[] counts = profile.CallCounts();
        double seconds = 0, joules = 0;
        for (int kernel = 0; kernel < counts.Length; kernel++)
        {
            if (counts[kernel] == 0) continue;
            if (At(watts, [.. clocks.Select(index => profile.Kernels[kernel].Points[index]).OfType<Measurement>()]) is not { } cost) return null;
            seconds += counts[kernel] * cost.Seconds;
            joules += counts[kernel] * cost.Joules;
        }

        return new StepCost(seconds, joules);
    }

    /// <summary>A kernel under a limit, linear in power between two points; null where every point passes it.</summary>
    static StepCost? At(double watts, Measurement[] points)
    {
        if (points.Where(point => point.Watts <= watts).MinBy(point => point.Seconds) is not { } within) return null;
        Measurement? beyond = points.Where(point => point.Watts > watts && point.Seconds < within.Seconds).MinBy(point => point.Watts);
        double share = beyond is null ? 0 : (watts - within.Watts!.Value) / (beyond.Watts!.Value - within.Watts.Value);
        return new StepCost(Between(within.Seconds, beyond?.Seconds), Between(within.Joules!.Value, beyond?.Joules));

        double Between(double from, double? to) => from + (share * ((to ?? from) - from));
    }
}
