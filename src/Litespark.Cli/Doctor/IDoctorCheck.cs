namespace Litespark.Cli.Doctor;

/// <summary>Something that a run can use or needs. A room adds its own check to <see cref="DoctorChecks.All"/>.</summary>
internal interface IDoctorCheck
{
    /// <summary>Looks; never throws for what is merely missing.</summary>
    IEnumerable<DoctorFinding> Run();
}

/// <summary>One line of <c>doctor</c>.</summary>
/// <param name="Name">What was looked for.</param>
/// <param name="Found">Whether it is there and usable.</param>
/// <param name="Detail">What was found, or why it was not.</param>
/// <param name="ToDo">What would help, and what works without it; null where nothing is to be done.</param>
internal sealed record DoctorFinding(string Name, bool Found, string Detail, string? ToDo = null);

/// <summary>All checks, in the order shown.</summary>
internal static class DoctorChecks
{
    public static IReadOnlyList<IDoctorCheck> All { get; } =
    [
        new SystemCheck(),
        new CpuCheck(),
        new MemoryCheck(),
        new DiskCheck(),
        new CorpusCheck(),
        new ZstdCheck(),
        new EnergyCheck(),
        new CudaCheck(),
    ];
}
