namespace Litespark.Devices.Cuda.Libraries;

/// <summary>A file or name that was tried and not taken.</summary>
/// <param name="Candidate">Path, or a bare name for the loader's path.</param>
/// <param name="Reason">Why not.</param>
internal sealed record RejectedLibrary(string Candidate, string Reason)
{
    /// <summary>The reason of most.</summary>
    public const string NoSuchFile = "no such file";
}

/// <summary>What came out of looking for a library.</summary>
/// <param name="Library">What was looked for.</param>
/// <param name="Handle">The loaded library, or 0.</param>
/// <param name="Path">Where it was found.</param>
/// <param name="Version">Its version, where it tells.</param>
/// <param name="Rejected">What was not taken before it, in order.</param>
internal sealed record LibraryFinding(NvidiaLibrary Library, nint Handle, string? Path, Version? Version, IReadOnlyList<RejectedLibrary> Rejected)
{
    /// <summary>Why this one of several, as the end of a sentence; empty where there was no other.</summary>
    public string Why { get; init; } = "";

    /// <summary>Whether there is a usable one.</summary>
    public bool IsFound => Handle != 0;

    /// <summary>One message with what was found and why it, or all that was tried; files that are simply not there are named together by folder.</summary>
    public string Explain()
    {
        if (IsFound)
        {
            string[] passed = [.. Rejected.Where(item => !IsMissing(item) && System.IO.Path.IsPathRooted(item.Candidate)).Select(item => $"{item.Candidate}: {item.Reason}")];
            return $"{Path}{(Version is null ? "" : $", version {Version}")}{Why}{(passed.Length == 0 ? "" : $" (not {string.Join("; ", passed)})")}";
        }

        var parts = Rejected.Where(item => !IsMissing(item)).Select(item => $"{item.Candidate}: {item.Reason}").ToList();
        var missing = Rejected.Where(IsMissing).Select(item => System.IO.Path.GetDirectoryName(item.Candidate)!).Distinct().ToList();
        if (missing.Count > 0) parts.Add($"not in {string.Join(", ", missing)}");
        return $"{Library.Name} was not found ({string.Join("; ", parts)}). {LibraryFolders.Variable} names further folders.";
    }

    static bool IsMissing(RejectedLibrary item) => item.Reason == RejectedLibrary.NoSuchFile;
}
