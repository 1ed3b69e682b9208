using System.Runtime.InteropServices;

namespace Litespark.Devices.Cuda.Libraries;

/// <summary>
/// Looks for NVIDIA's libraries. One in a folder of LITESPARK_CUDA_PATH comes first; else the newest that the driver can run, of those on the
/// system loader's path, in CUDA toolkits and in the packages of a Python environment. Files that do not tell their version come last, in that
/// order. Why each before it was not taken is kept.
/// </summary>
internal sealed class LibraryProbe
{
    static readonly Dictionary<NvidiaLibrary, LibraryFinding> known = [];

    readonly LibraryFolders folders;
    readonly Lazy<Version?> driver;

    /// <param name="folders">Where to look.</param>
    public LibraryProbe(LibraryFolders folders)
    {
        this.folders = folders;
        driver = new Lazy<Version?>(() => Look(NvidiaLibrary.Driver).Version);
    }

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
        foreach (LibraryFile file in Existing(library, folders.Named, rejected))
            if (Try(library, file, rejected) is { } named) return named with { Why = $", in a folder of {LibraryFolders.Variable}" };
        LibraryFile[] files = [.. Candidates(library, rejected)];
        foreach (LibraryFile file in files)
            if (TooNew(library, file) is { } reason) rejected.Add(new RejectedLibrary(file.Path, reason));
            else if (Try(library, file, rejected) is { } finding) return finding with { Why = Preference(file, files) };
        return new LibraryFinding(library, 0, null, null, rejected);
    }

    /// <summary>What there is beside the folders that the user names, the newest first.</summary>
    IEnumerable<LibraryFile> Candidates(NvidiaLibrary library, List<RejectedLibrary> rejected)
    {
        IEnumerable<LibraryFile> ofLoader = library.Files.Select(LibraryFile.Unknown);
        if (library.ComesWithDriver) return ofLoader;
        return library.Files.SelectMany(folders.OnLoaderPath).Select(LibraryFile.Of).Concat(ofLoader).Concat(Existing(library, folders.Known, rejected))
            .DistinctBy(file => file.Real).OrderByDescending(file => file.Version is not null).ThenByDescending(file => file.Version); // stable: else as they came
    }

    static IEnumerable<LibraryFile> Existing(NvidiaLibrary library, IEnumerable<string> folders, List<RejectedLibrary> rejected)
    {
        foreach (string folder in folders)
            foreach (string file in library.Files)
            {
                string path = Path.Combine(folder, file);
                if (File.Exists(path)) yield return LibraryFile.Of(path);
                else rejected.Add(new RejectedLibrary(path, RejectedLibrary.NoSuchFile));
            }
    }

    /// <summary>Why the driver cannot run what a file holds; null where it can, or nothing is known against it.</summary>
    string? TooNew(NvidiaLibrary library, LibraryFile file)
    {
        int? release = file.Cuda ?? (library.HasCudasVersion ? file.Version?.Major : null);
        return release is not null && release > driver.Value?.Major ? $"{(file.Version is null ? "" : $"version {file.Version}, ")}for CUDA {release}; the driver is for {driver.Value}" : null;
    }

    /// <summary>Why this one of several; empty where there is no other.</summary>
    static string Preference(LibraryFile taken, LibraryFile[] files)
    {
        string[] others = [.. files.Where(file => file != taken && Path.IsPathRooted(file.Path)).Select(file => $"{(file.Version is null ? "of unknown version" : $"{file.Version}")} in {Path.GetDirectoryName(file.Path)}")];
        return others.Length == 0 ? "" : $", preferred to {string.Join(", ", others)}";
    }

    LibraryFinding? Try(NvidiaLibrary library, LibraryFile file, List<RejectedLibrary> rejected)
    {
        if (library.NeedsCompiler && file.Cuda is { } release) _ = Look(NvidiaLibrary.CompilerOf(release)); // the loader may not know it, and ours may be of another release
        List<nint> parts = Parts(library, file);
        string reason, path = file.Path;
        try
        {
            nint handle = NativeLibrary.Load(file.Path);
            if (!Path.IsPathRooted(path)) path = LoadedFile.Of(handle, library.EntryPoint) ?? path;
            reason = Unusable(library, handle, out Version? version);
            // A bare name says nothing of its version before it is loaded.
            if (reason.Length == 0) reason = TooNew(library, LibraryFile.Of(path) with { Version = version }) ?? "";
            if (reason.Length == 0) return new LibraryFinding(library, handle, path, version, rejected);
            NativeLibrary.Free(handle);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            reason = LoaderText(error.Message, file.Path);
        }

        foreach (nint part in parts) NativeLibrary.Free(part);
        rejected.Add(new RejectedLibrary(path, reason));
        return null;
    }

    /// <summary>
    /// Loads the parts of a library from its own folder: it will ask for them by bare names, and would get those of another version that comes
    /// earlier on the loader's path. What cannot be loaded it has to do without, or says so itself.
    /// </summary>
    static List<nint> Parts(NvidiaLibrary library, LibraryFile file)
    {
        var loaded = new List<nint>();
        if (Path.GetDirectoryName(file.Path) is not { Length: > 0 } folder) return loaded;
        foreach (string part in library.Parts.SelectMany(pattern => LibraryFolders.Files(folder, pattern).Order(StringComparer.Ordinal)).Distinct())
            if (NativeLibrary.TryLoad(part, out nint handle)) loaded.Add(handle);
        return loaded;
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
