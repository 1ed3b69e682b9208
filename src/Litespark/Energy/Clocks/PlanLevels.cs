namespace Litespark.Energy.Clocks;

/// <summary>Names of levels on the command line.</summary>
public static class PlanLevels
{
    /// <summary>All names, the coarsest level's first.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetValues<PlanLevel>().Select(Name)];

    /// <summary>A level's name.</summary>
    public static string Name(this PlanLevel level) => level switch
    {
        PlanLevel.Static => "static",
        PlanLevel.PassLocal => "pass-local",
        PlanLevel.Pass => "pass",
        PlanLevel.KernelLocal => "kernel-local",
        PlanLevel.Kernel => "kernel",
        _ => "region",
    };

    /// <summary>The level of a name; null where there is none.</summary>
    public static PlanLevel? Find(string name)
    {
        int index = Array.IndexOf([.. Names], name);
        return index < 0 ? null : (PlanLevel)index;
    }
}
