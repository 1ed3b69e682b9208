using Litespark.Energy;

namespace Litespark.Cli.Doctor;

/// <summary>Which energy counters can be read, and what would help where one cannot.</summary>
/// <param name="options">Where to look; tests give their own tree.</param>
internal sealed class EnergyCheck(EnergyMeterOptions? options = null) : IDoctorCheck
{
    const string Without = "Without a counter joules are estimates, marked with ~.";

    public IEnumerable<DoctorFinding> Run()
    {
        foreach (EnergySourceStatus status in EnergyMeters.Describe(options))
            yield return new DoctorFinding($"energy: {status.Source}", status.IsAvailable, status.Detail, status.IsAvailable ? null : status.Fix is { } fix ? $"{fix.TrimEnd('.')}. {Without}" : Without);
    }
}
