namespace Litespark.Energy.Clocks;

/// <summary>A device's clocks, each as an upper bound in MHz; null leaves a clock to the device.</summary>
/// <param name="CoreMegahertz">Clock of the cores.</param>
/// <param name="MemoryMegahertz">Clock of the memory.</param>
public readonly record struct ClockPair(int? CoreMegahertz, int? MemoryMegahertz)
{
    /// <summary>Both clocks are the device's own affair.</summary>
    public static ClockPair Automatic => default;

    /// <summary>Whether both clocks are left to the device.</summary>
    public bool IsAutomatic => this == Automatic;

    /// <summary>Clocks that differ: calls that a change from one pair to the other takes.</summary>
    public int ChangesTo(ClockPair other) => (CoreMegahertz == other.CoreMegahertz ? 0 : 1) + (MemoryMegahertz == other.MemoryMegahertz ? 0 : 1);

    /// <summary>Core, then memory: <c>1680/5001</c>, <c>auto/auto</c>.</summary>
    public override string ToString() => $"{Text(CoreMegahertz)}/{Text(MemoryMegahertz)}";

    static string Text(int? megahertz) => megahertz is { } value ? $"{value}" : "auto";
}
