using Litespark.Energy.Profiles;

namespace Litespark.Energy.Clocks;

/// <summary>What planning needs of a profile: each kernel's time and energy at each pair of clocks, and the order of the calls.</summary>
internal sealed class StepModel
{
    /// <summary>Reads a profile that has energy.</summary>
    public StepModel(EnergyProfile profile)
    {
        Clocks = profile.Clocks;
        Options = [.. profile.Kernels.Select(kernel => kernel.Points
            .Select((point, clocks) => point is { Joules: { } joules } ? new ClockOption(clocks, point.Seconds, joules) : (ClockOption?)null).ToArray())];
        Phases = [.. profile.Kernels.Select(kernel => kernel.Kernel.Phase)];
        Sequence = [.. profile.Sequence];
        Counts = profile.CallCounts();
        Automatic = CostOf(new int[profile.Kernels.Count]);
    }

    /// <summary>The pairs; the first are the automatic ones.</summary>
    public IReadOnlyList<ClockPair> Clocks { get; }

    /// <summary>Kernel × clocks: one call; null where it was not measured.</summary>
    public IReadOnlyList<ClockOption?[]> Options { get; }

    /// <summary>Each kernel's phase.</summary>
    public IReadOnlyList<string> Phases { get; }

    /// <summary>The step's calls in order, as indices of kernels.</summary>
    public int[] Sequence { get; }

    /// <summary>Calls of each kernel in a step.</summary>
    public int[] Counts { get; }

    /// <summary>The step at automatic clocks.</summary>
    public StepCost Automatic { get; }

    /// <summary>The step with a pair of clocks for each kernel, changes not counted.</summary>
    public StepCost CostOf(IReadOnlyList<int> clocks)
    {
        double seconds = 0, joules = 0;
        for (int kernel = 0; kernel < Counts.Length; kernel++)
        {
            if (Counts[kernel] == 0) continue;
            ClockOption option = Options[kernel][clocks[kernel]]!.Value;
            seconds += Counts[kernel] * option.Seconds;
            joules += Counts[kernel] * option.Joules;
        }

        return new StepCost(seconds, joules);
    }

    /// <summary>Kernels that keep one pair of clocks together: their calls' sums, at the clocks at which all of them were measured.</summary>
    public ChoiceGroup Group(IReadOnlyList<int> kernels)
    {
        var options = new List<ClockOption>();
        for (int clocks = 0; clocks < Clocks.Count; clocks++)
        {
            if (kernels.Any(kernel => Options[kernel][clocks] is null)) continue;
            options.Add(new ClockOption(clocks, kernels.Sum(kernel => Counts[kernel] * Options[kernel][clocks]!.Value.Seconds), kernels.Sum(kernel => Counts[kernel] * Options[kernel][clocks]!.Value.Joules)));
        }

        return new ChoiceGroup(options);
    }

    /// <summary>Time of kernels' calls at automatic clocks.</summary>
    public double AutomaticSeconds(IReadOnlyList<int> kernels) => kernels.Sum(kernel => Counts[kernel] * Options[kernel][0]!.Value.Seconds);
}
