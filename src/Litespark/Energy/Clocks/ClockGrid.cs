namespace Litespark.Energy.Clocks;

/// <summary>Pairs of clocks to try.</summary>
public static class ClockGrid
{
    /// <summary>Distance of core clocks in MHz that Spaan, Chen and Varbanescu tried (arXiv 2601.08539, section 4).</summary>
    public const int DefaultCoreStep = 210;

    /// <summary>Core clocks at a distance, downwards from the highest, with each clock of the memory; each also with the other left to the device.</summary>
    /// <param name="control">What there is.</param>
    /// <param name="coreStep">Distance of core clocks in MHz.</param>
    /// <param name="memoryClocks">Memory clocks to try; null for all. Where there is but one, automatic is that one.</param>
    /// <exception cref="UserErrorException">A memory clock is none of the device's.</exception>
    public static IReadOnlyList<ClockPair> Of(IClockControl control, int coreStep = DefaultCoreStep, IReadOnlyList<int>? memoryClocks = null)
    {
        ArgumentNullException.ThrowIfNull(control);
        ArgumentOutOfRangeException.ThrowIfLessThan(coreStep, 1);
        foreach (int clock in memoryClocks ?? [])
            if (!control.MemoryClocks.Contains(clock)) throw new UserErrorException($"The memory has no clock of {clock} MHz; right would be {string.Join(", ", control.MemoryClocks)}.");
        int?[] memory = [null, .. (memoryClocks ?? (control.MemoryClocks.Count > 1 ? control.MemoryClocks : [])).Select(clock => (int?)clock)];
        var core = new List<int?> { null };
        int last = int.MaxValue;
        foreach (int clock in control.CoreClocks.Reverse())
        {
            if (last - clock < coreStep) continue;
            core.Add(clock);
            last = clock;
        }

        return [.. memory.SelectMany(m => core.Select(c => new ClockPair(c, m)))];
    }
}
