using System.Text;

namespace Litespark.Devices.Cuda.Libraries;

/// <summary>Where NVIDIA's libraries may lie, from the environment and the usual places.</summary>
/// <param name="variable">Value of an environment variable, or null.</param>
/// <param name="root">Folder that stands for <c>/</c>; tests give their own tree.</param>
internal sealed class LibraryFolders(Func<string, string?> variable, string root = "/")
{
    /// <summary>List of folders that come first.</summary>
    public const string Variable = "LITESPARK_CUDA_PATH";

    readonly Lazy<string[]> cached = new(() => Cached(Path.Combine(root, "etc", "ld.so.cache")));

    /// <summary>Of this process.</summary>
    public static LibraryFolders OfThisProcess { get; } = new(Environment.GetEnvironmentVariable);

    /// <summary>Folders that the user names; what is there comes before all else.</summary>
    public IEnumerable<string> Named => List(variable(Variable));

    /// <summary>Folders of CUDA toolkits, then of Python packages.</summary>
    public IEnumerable<string> Known => Toolkits().Concat(SitePackages().SelectMany(InPackages)).Distinct().Where(Directory.Exists);

    /// <summary>Files of a name that the system's loader would find, in its order: in LD_LIBRARY_PATH, then those that its cache lists. It may know more, by the name alone.</summary>
    public IEnumerable<string> OnLoaderPath(string file)
        => List(variable("LD_LIBRARY_PATH")).Select(folder => Path.Combine(folder, file)).Concat(cached.Value.Where(path => Path.GetFileName(path) == file)).Where(File.Exists);

    /// <summary>The paths in <c>/etc/ld.so.cache</c>: among others the file holds strings that end with zeros.</summary>
    static string[] Cached(string file)
    {
        try
        {
            return [.. Encoding.Latin1.GetString(File.ReadAllBytes(file)).Split('\0').Select(text => text.IndexOf('/') is >= 0 and var start ? text[start..] : "").Where(path => path.Length > 0)];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return []; // another kind of system
        }
    }

    IEnumerable<string> Toolkits()
    {
        string?[] toolkits = [variable("CUDA_HOME"), variable("CUDA_PATH"), Path.Combine(root, "usr", "local", "cuda")];
        string[] below = OperatingSystem.IsWindows() ? [Path.Combine("bin", "x64"), "bin"] : ["lib64", Path.Combine("targets", "x86_64-linux", "lib"), "lib"];
        return toolkits.Where(toolkit => !string.IsNullOrEmpty(toolkit)).SelectMany(toolkit => below.Select(folder => Path.Combine(toolkit!, folder)));
    }

    /// <summary>The folders of a Python environment in which packages are installed, found without starting Python.</summary>
    IEnumerable<string> SitePackages()
    {
        var prefixes = new List<string>();
        foreach (string name in (string[])["VIRTUAL_ENV", "CONDA_PREFIX"])
            if (variable(name) is { Length: > 0 } prefix) prefixes.Add(prefix);
        prefixes.AddRange(PrefixesOfPython());
        if (variable("HOME") is { Length: > 0 } home) prefixes.Add(Path.Combine(home, ".local"));
        foreach (string prefix in prefixes)
        {
            yield return Path.Combine(prefix, "Lib", "site-packages"); // Windows
            foreach (string library in (string[])[Path.Combine(prefix, "lib"), Path.Combine(prefix, "local", "lib")])
                foreach (string python in Folders(library, "python3*"))
                {
                    yield return Path.Combine(python, "site-packages");
                    yield return Path.Combine(python, "dist-packages"); // Debian
                }
        }
    }

    /// <summary>Prefixes of the Python that LITESPARK_PYTHON names, or of the <c>python3</c> in the path: of the link (a virtual environment's) and of what it leads to.</summary>
    IEnumerable<string> PrefixesOfPython()
    {
        string name = variable("LITESPARK_PYTHON") is { Length: > 0 } chosen ? chosen : OperatingSystem.IsWindows() ? "python.exe" : "python3";
        string? python = List(variable("PATH")).Prepend("").Select(folder => Path.Combine(folder, name)).FirstOrDefault(path => Path.IsPathRooted(path) && File.Exists(path));
        if (python is null) yield break;
        string? target = LinkTarget(python);
        foreach (string program in (string[])[python, target ?? python])
            if (Path.GetDirectoryName(Path.GetDirectoryName(program)) is { } prefix)
            {
                yield return prefix;
                foreach (string version in Folders(Path.Combine(prefix, "versions"), "*")) yield return version; // pyenv: its python3 is a script
            }
    }

    /// <summary>NVIDIA's wheels lie below <c>nvidia</c>, one folder for each component, or <c>cu13</c> for all of one release; PyTorch's older wheels bring the libraries along.</summary>
    static IEnumerable<string> InPackages(string packages)
    {
        string[] below = OperatingSystem.IsWindows() ? [Path.Combine("bin", "x86_64"), "bin"] : ["lib"];
        return Folders(Path.Combine(packages, "nvidia"), "*").SelectMany(component => below.Select(folder => Path.Combine(component, folder)))
            .Append(Path.Combine(packages, "torch", "lib"));
    }

    /// <summary>Files of a folder; none where it may not be listed.</summary>
    internal static string[] Files(string folder, string pattern)
    {
        try
        {
            return Directory.GetFiles(folder, pattern);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>What a link leads to; null where it is none, or leads nowhere.</summary>
    internal static string? LinkTarget(string path)
    {
        try
        {
            return new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null; // a ring of links
        }
    }

    static IEnumerable<string> Folders(string folder, string pattern)
    {
        try
        {
            return Directory.GetDirectories(folder, pattern).OrderDescending(StringComparer.Ordinal); // later versions first
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return []; // not there, or not for us
        }
    }

    static string[] List(string? value) => value?.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
}
