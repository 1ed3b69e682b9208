namespace Litespark.Energy;

/// <summary>
/// Names of what meters count, the same whoever reads them: paths, of which a longer one is a part of a shorter one. They tell
/// whether two meters count the same.
/// </summary>
internal static class CountedParts
{
    /// <summary>Containers of a machine share the number of its boot, and no two machines do; the others are for systems that have none.</summary>
    static readonly string machine = Probe.ReadText("/proc/sys/kernel/random/boot_id") is { Length: > 0 } boot ? boot
        : Probe.ReadText("/etc/machine-id") is { Length: > 0 } id ? id : Environment.MachineName;

    /// <summary>This machine's processors: whichever counters or estimates tell their energy, it is the same.</summary>
    public static string Processors { get; } = $"{machine}/processors";

    /// <summary>All of this machine's GPUs, as of an estimate, which does not tell them apart.</summary>
    public static string Gpus { get; } = $"{machine}/gpus";

    /// <summary>One GPU: by itself, as containers may hide which machine it is of, and as a part of this machine.</summary>
    /// <param name="uuid">Its UUID; null where it does not say.</param>
    public static string[] Gpu(string? uuid) => uuid is null ? [Gpus] : [uuid, $"{Gpus}/{uuid}"];

    /// <summary>What two meters both count; null where there is nothing.</summary>
    public static string? Common(IReadOnlyList<string> one, IReadOnlyList<string> other)
    {
        foreach (string a in one)
        {
            foreach (string b in other)
            {
                if (IsWithin(a, b)) return a;
                if (IsWithin(b, a)) return b;
            }
        }

        return null;
    }

    static bool IsWithin(string part, string whole) => part.StartsWith(whole, StringComparison.Ordinal) && (part.Length == whole.Length || part[whole.Length] == '/');
}
