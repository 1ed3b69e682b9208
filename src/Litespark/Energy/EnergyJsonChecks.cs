using Litespark.Energy.Clocks;
using Litespark.Energy.Profiles;

namespace Litespark.Energy;

/// <summary>What JSON's types alone do not say of a profile and of a plan.</summary>
internal static class EnergyJsonChecks
{
    /// <summary>The first thing that is wrong with a profile; null where it holds together.</summary>
    public static string? Fault(EnergyProfile profile)
    {
        if (profile.Version != EnergyProfile.CurrentVersion) return Version(profile.Version, EnergyProfile.CurrentVersion, "profile");
        if (profile.Clocks is not [{ IsAutomatic: true }, ..]) return "the first of 'clocks' must be the automatic ones, both null.";
        if (profile.Clocks.Distinct().Count() != profile.Clocks.Count) return "'clocks' has the same pair twice.";
        if (profile.Clocks.Any(pair => pair.CoreMegahertz <= 0 || pair.MemoryMegahertz <= 0)) return "'clocks' must be positive numbers of MHz, or null.";
        if (profile.Kernels.Count == 0) return "'kernels' is empty.";
        foreach (ProfiledKernel kernel in profile.Kernels)
        {
            string name = $"kernel '{kernel.Kernel.Name}'";
            if (kernel.Points.Count != profile.Clocks.Count) return $"{name} has {kernel.Points.Count} points; there must be one for each of the {profile.Clocks.Count} clocks (null where it was not measured).";
            if (kernel.Points[0] is null) return $"{name} has no point at automatic clocks.";
            if (kernel.Points.Any(point => point is { } measured && !IsPossible(measured))) return $"{name} has a point whose time or energy is not a positive number.";
        }

        foreach (ProfiledPart part in profile.Parts)
        {
            if (part.Times < 1) return $"part '{part.Plan}' runs {part.Times} times; at least once would be right.";
            foreach (int call in part.Calls)
                if (call < 0 || call >= profile.Kernels.Count) return $"part '{part.Plan}' calls kernel {call}; there are {profile.Kernels.Count}, counted from 0.";
        }

        foreach (ProfiledStep step in profile.Steps)
            if (step.Clocks < 0 || step.Clocks >= profile.Clocks.Count || !IsPossible(step.Measured)) return "'steps' has an entry with unknown clocks or an impossible time or energy.";
        return profile.Switching is { } switching ? Fault(switching) : null;
    }

    /// <summary>The first thing that is wrong with a plan; null where it holds together.</summary>
    public static string? Fault(ClockPlan plan)
    {
        if (plan.Version != ClockPlan.CurrentVersion) return Version(plan.Version, ClockPlan.CurrentVersion, "plan");
        int next = 0;
        foreach (ClockRegion region in plan.Regions)
        {
            if (region.FirstCall != next || region.Calls < 1) return $"the regions must follow one another: one with first_call {next} is expected, found {region.FirstCall} with {region.Calls} calls.";
            next += region.Calls;
        }

        if (plan.Regions.Any(region => region.Clocks.CoreMegahertz <= 0 || region.Clocks.MemoryMegahertz <= 0 || !(region.StartSeconds >= 0)))
            return "'regions' must have clocks above 0 MHz, or null, and starts of 0 s or more.";
        if (!(plan.Predicted.Seconds > 0)) return "'predicted' must have a time above 0.";
        if (next != plan.Calls) return $"the regions hold {next} calls, the step has {plan.Calls}.";
        return Fault(plan.Switching) ?? (plan.Latency is { } latency ? Fault(latency, "latency") : null);
    }

    static string? Fault(ClockSwitching switching, string name = "switching")
        => switching is { CallSeconds: >= 0, SettleSeconds: >= 0, WaitingWatts: >= 0, Gpus: >= 1 } ? null : $"'{name}' must have times and watts of 0 or more and at least one GPU.";

    static bool IsPossible(Measurement measured) => measured.Seconds > 0 && double.IsFinite(measured.Seconds) && measured.Joules is null or (> 0 and < double.PositiveInfinity);

    static string Version(int found, int known, string what) => $"version {found} of the {what}'s layout; this program reads version {known}.";
}
