using System.Runtime.InteropServices;

namespace Litespark.Devices.Cuda.Libraries;

/// <summary>
/// Looks for NVIDIA's libraries: in the folders of LITESPARK_CUDA_PATH, by the system's loader, in CUDA toolkits, in the
/// packages of a Python environment. The first usable one is taken; why each before it was not is kept.
/// </summary>
internal sealed class LibraryProbe(LibraryFolders folders)
{
    static readonly Dictionary<NvidiaLibrary, LibraryFinding> known = [];

    /// <summary>Looks with this process's environment; once for each library.</summary>
    public static LibraryFinding Find(NvidiaLibrary library)
    {
        lock (known)
        {
            if (!known.TryGetValue(library, out LibraryFinding? finding)) known.Add(library, finding = new LibraryProbe(LibraryFolders.OfThisProcess).Look(library));
            return finding;
        }
    }

    /// <summary>Looks for a library. What is found stays loaded.</summary>
    public LibraryFinding Look(NvidiaLibrary library)
    {
        var rejected = new List<RejectedLibrary>();
        foreach (string candidate in Candidates(library))
        {
            if (Try(library, candidate, out LibraryFinding? finding, out string reason)) return finding! with { Rejected = rejected };
            rejected.Add(new RejectedLibrary(candidate, reason));
        }

        return new LibraryFinding(library, 0, null, null, rejected);
    }

    IEnumerable<string> Candidates(NvidiaLibrary library)
    {
        foreach (string folder in folders.Named)
            foreach (string file in library.Files) yield return Path.Combine(folder, file);
        foreach (string file in library.Files) yield return file; // the loader's path
        if (library.ComesWithDriver) yield break;
        foreach (string folder in folders.Known)
            foreach (string file in library.Files) yield return Path.Combine(folder, file);
    }

    static bool Try(NvidiaLibrary library, string candidate, out LibraryFinding? finding, out string reason)
    {
        finding = null;
        bool isPath = Path.IsPathRooted(candidate) || candidate.Contains(Path.DirectorySeparatorChar);
        if (isPath && !File.Exists(candidate))
        {
            reason = RejectedLibrary.NoSuchFile;
            return false;
        }

        nint handle;
        try
        {
            handle = NativeLibrary.Load(candidate);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            reason = LoaderText(error.Message, candidate);
            return false;
        }

        reason = Unusable(library, handle, out Version? version);
        if (reason.Length == 0)
        {
            finding = new LibraryFinding(library, handle, isPath ? candidate : LoadedFile.Of(handle, library.EntryPoint) ?? candidate, version, []);
            return true;
        }

        NativeLibrary.Free(handle);
        return false;
    }

    static string Unusable(NvidiaLibrary library, nint handle, out Version? version)
    {
        version = null;
        if (!NativeLibrary.TryGetExport(handle, library.EntryPoint, out _)) return $"has no {library.EntryPoint}: too old, or another library";
        try
        {
            version = library.ReadVersion(handle);
        }
        catch (EntryPointNotFoundException error)
        {
            return $"does not tell its version: {error.Message}";
        }

        return version is not null && version < library.Oldest ? $"version {version}; {library.Oldest} or later is needed" : "";
    }

    /// <summary>What the system's loader said, out of .NET's message: the line about the file itself, not those about variations of its name.</summary>
    static string LoaderText(string message, string candidate)
    {
        string[] lines = message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string line = Array.Find(lines, line => line.StartsWith(candidate + ":", StringComparison.Ordinal)) ?? lines[^1];
        return line.StartsWith(candidate + ": ", StringComparison.Ordinal) ? line[(candidate.Length + 2)..] : line;
    }
}

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
/// <param name="Rejected">What was tried before it, in order.</param>
internal sealed record LibraryFinding(NvidiaLibrary Library, nint Handle, string? Path, Version? Version, IReadOnlyList<RejectedLibrary> Rejected)
{
    /// <summary>Whether there is a usable one.</summary>
    public bool IsFound => Handle != 0;

    /// <summary>One message with all that was tried; files that are simply not there are named together by folder.</summary>
    public string Explain()
    {
        if (IsFound) return $"{Path}{(Version is null ? "" : $", version {Version}")}";
        var missing = Rejected.Where(IsMissing).Select(item => System.IO.Path.GetDirectoryName(item.Candidate)!).Distinct().ToList();
        var parts = Rejected.Where(item => !IsMissing(item)).Select(item => $"{item.Candidate}: {item.Reason}").ToList();
        if (missing.Count > 0) parts.Add($"not in {string.Join(", ", missing)}");
        return $"{Library.Name} was not found ({string.Join("; ", parts)}). {LibraryFolders.Variable} names further folders.";
    }

    static bool IsMissing(RejectedLibrary item) => item.Reason == RejectedLibrary.NoSuchFile;
}
