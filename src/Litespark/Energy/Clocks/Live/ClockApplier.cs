namespace Litespark.Energy.Clocks.Live;

/// <summary>Asks for clocks and reads back what was reached. Allocates nothing while all goes well. Not thread-safe.</summary>
/// <param name="control">The clocks.</param>
internal sealed class ClockApplier(IClockControl control)
{
    ClockPair current = ClockPair.Automatic;

    /// <summary>Whether the last change is still to be read back.</summary>
    public bool IsUnchecked { get; private set; }

    /// <summary>Changes granted.</summary>
    public long Changes { get; private set; }

    /// <summary>Changes read back.</summary>
    public long Checked { get; private set; }

    /// <summary>Of these, those whose bound did not hold.</summary>
    public long Missed { get; private set; }

    /// <summary>Asks for clocks; nothing where they are asked for already.</summary>
    /// <returns>Whether the driver was asked.</returns>
    /// <exception cref="UserErrorException">They may not be changed.</exception>
    public bool Ask(ClockPair clocks)
    {
        if (clocks == current) return false;
        control.Set(clocks);
        current = clocks;
        IsUnchecked = true;
        Changes++;
        return true;
    }

    /// <summary>Reads the clocks, once for each change; for when they have settled. The driver's success does not prove a clock.</summary>
    /// <exception cref="UserErrorException">They cannot be read.</exception>
    public void Check()
    {
        if (!IsUnchecked) return;
        IsUnchecked = false;
        (int core, int memory) = control.Read();
        Checked++;
        if (core > (current.CoreMegahertz ?? int.MaxValue) || memory > (current.MemoryMegahertz ?? int.MaxValue)) Missed++;
    }
}
