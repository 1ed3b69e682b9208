namespace Litespark.Cli.Doctor;

/// <summary>Memory of the machine, and the limit on this process.</summary>
internal sealed class MemoryCheck : IDoctorCheck
{
    const double Gib = 1L << 30;

    public IEnumerable<DoctorFinding> Run()
    {
        long limit = MachineMemory.ProcessLimit; // of the container where there is one, else the machine's
        long? total = MachineMemory.Total, available = MachineMemory.Free;
        string detail = total is { } all ? $"{all / Gib:F1} GiB" : $"{limit / Gib:F1} GiB";
        if (available is { } free) detail += $", {free / Gib:F1} GiB of it free";
        if (total > limit * 1.01) detail += $"; a cgroup limits this process to {limit / Gib:F1} GiB";
        bool enough = Math.Min(available ?? limit, limit) >= Gib;
        yield return new DoctorFinding("memory", enough, detail, enough ? null : "The default recipe wants about 1 GiB: close other programs, or lower training.micro_batch_size.");
    }
}
