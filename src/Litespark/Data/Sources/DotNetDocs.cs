using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Litespark.Data.Sources;

/// <summary>Finds the English API documentation that .NET SDKs carry: <c>packs/*/VERSION/ref/FRAMEWORK/*.xml</c>.</summary>
internal static class DotNetDocs
{
    /// <summary>The documentation files of the first installation that has any.</summary>
    /// <exception cref="UserErrorException">No installation has.</exception>
    public static List<string> FindFiles() => FindFiles(InstallationFolders());

    /// <summary>
    /// The documentation files under the first of <paramref name="installations"/> that has any, the newest version of
    /// each pack first, so that it is the one kept where several document the same member.
    /// </summary>
    public static List<string> FindFiles(IEnumerable<string> installations)
    {
        List<string> looked = [];
        foreach (string folder in installations)
        {
            string packs = Path.Combine(folder, "packs");
            if (looked.Contains(packs)) continue;
            looked.Add(packs);
            List<string> files = FilesOfPacks(packs);
            if (files.Count > 0) return files;
        }
        throw new UserErrorException(
            "The default corpus is the API documentation of the .NET SDK, and no SDK was found (looked in " +
            $"{string.Join(", ", looked)}). Install the .NET SDK or set DOTNET_ROOT to its folder; or train on your own text " +
            "with --set data.train=PATH, or on prepared token shards with --set data.source=shards --set data.train=PATH.");
    }

    static List<string> FilesOfPacks(string packs)
    {
        List<string> files = [];
        HashSet<string> contents = new(StringComparer.Ordinal);
        try
        {
            if (!Directory.Exists(packs)) return files;
            foreach (string pack in Directory.EnumerateDirectories(packs).Order(StringComparer.Ordinal))
                foreach (string version in Directory.EnumerateDirectories(pack).OrderByDescending(NewestFirst).ThenByDescending(v => v, StringComparer.Ordinal))
                {
                    string reference = Path.Combine(version, "ref");
                    if (!Directory.Exists(reference)) continue;
                    foreach (string framework in Directory.EnumerateDirectories(reference).OrderDescending(StringComparer.Ordinal))
                        foreach (string file in Directory.EnumerateFiles(framework, "*.xml").Order(StringComparer.Ordinal))
                            if (contents.Add(Identity(file))) files.Add(file); // Packs carry copies of each other's files.
                }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            files.Clear(); // An installation that cannot be read is none.
        }
        return files;
    }

    static string Identity(string file)
    {
        using FileStream stream = File.OpenRead(file);
        return $"{Path.GetFileName(file)} {Convert.ToHexString(SHA256.HashData(stream))}";
    }

    static Version NewestFirst(string folder)
    {
        string name = Path.GetFileName(folder).Split('-')[0];
        return Version.TryParse(name, out Version? version) ? version : new Version(0, 0);
    }

    static IEnumerable<string> InstallationFolders()
    {
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } root) yield return root;
        // `dotnet program.dll`: the host itself; otherwise the shared runtime lies in shared/NAME/VERSION.
        if (Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet") yield return FolderOf(host);
        string runtime = RuntimeEnvironment.GetRuntimeDirectory().TrimEnd(Path.DirectorySeparatorChar);
        if (runtime.Length > 0) yield return Path.GetFullPath(Path.Combine(runtime, "..", "..", ".."));

        string executable = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        foreach (string folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
        {
            string candidate = Path.Combine(folder, executable);
            if (File.Exists(candidate)) yield return FolderOf(candidate);
        }

        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (OperatingSystem.IsWindows())
        {
            yield return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "dotnet");
            yield return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "Microsoft", "dotnet");
        }
        else
        {
            foreach (string folder in (string[])["/usr/share/dotnet", "/usr/lib/dotnet", "/usr/lib64/dotnet", "/usr/local/share/dotnet", "/opt/dotnet"])
                yield return folder;
        }
        yield return Path.Combine(home, ".dotnet");
    }

    /// <summary>The folder of the real file behind links.</summary>
    static string FolderOf(string file)
    {
        try
        {
            file = new FileInfo(file).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? file;
        }
        catch (IOException)
        {
            // A broken link: its own folder is as good as any.
        }
        return Path.GetDirectoryName(Path.GetFullPath(file)) ?? "/";
    }
}
