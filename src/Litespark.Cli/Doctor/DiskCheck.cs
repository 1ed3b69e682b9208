namespace Litespark.Cli.Doctor;

/// <summary>Room for run folders, which go below the current folder.</summary>
internal sealed class DiskCheck(string? folder = null) : IDoctorCheck
{
    const double Gib = 1L << 30;

    public IEnumerable<DoctorFinding> Run()
    {
        string here = folder ?? Environment.CurrentDirectory;
        DoctorFinding finding;
        try
        {
            double free = new DriveInfo(here).AvailableFreeSpace / Gib;
            finding = free >= 1
                ? new DoctorFinding("disk", true, $"{free:F1} GiB free for runs below {here}")
                : new DoctorFinding("disk", false, $"only {free:F2} GiB free below {here}", "Free some, or put runs elsewhere with train --out FOLDER.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            finding = new DoctorFinding("disk", false, $"{here}: {error.Message}", "Put runs in a folder that can be written, with train --out FOLDER.");
        }
        yield return finding;
    }
}
