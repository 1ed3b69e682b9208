using System.ComponentModel;
using System.Diagnostics;
using Litespark.Benchmarks.Measuring;

namespace Litespark.Benchmarks.Builds;

/// <summary>A build of Litespark on disk.</summary>
/// <param name="Name">What to call it.</param>
/// <param name="Folder">Where its <c>Litespark.dll</c> lies.</param>
internal sealed record Build(string Name, string Folder)
{
    const string Library = "Litespark.dll";

    /// <summary>The one that this harness was built with.</summary>
    public static Build Own => new("this build", AppContext.BaseDirectory);

    /// <summary>Version, with the commit where the build knew it.</summary>
    public string Version => FileVersionInfo.GetVersionInfo(Path.Combine(Folder, Library)).ProductVersion ?? "unknown";

    /// <summary>Finds a build: a folder that holds <c>Litespark.dll</c>, or a commit, which is built where it has not been before.</summary>
    /// <exception cref="UserErrorException">It is neither.</exception>
    /// <exception cref="RunFailureException">The commit does not build.</exception>
    public static Build Find(string text, Action<string> status)
    {
        if (File.Exists(Path.Combine(text, Library))) return new Build(text, Path.GetFullPath(text));
        string? repository = Repository(), commit = repository is null ? null : Commit(repository, text);
        if (commit is null)
            throw new UserErrorException($"'{text}' is neither a folder that holds {Library} (as src/Litespark/bin/Release/net10.0 does) nor a commit, branch or tag of {repository ?? "a repository around this program"}.");
        string folder = Path.Combine(repository!, ".cache", "benchmarks", commit);
        if (!File.Exists(Path.Combine(folder, Library))) BuildCommit(repository!, commit, folder, status);
        return new Build(commit[..9], folder);
    }

    /// <summary>The full hash, or null where git knows no such commit.</summary>
    static string? Commit(string repository, string text)
    {
        try
        {
            (int code, string output, _) = ChildProcess.Run("git", "-C", repository, "rev-parse", "--verify", "--quiet", "--end-of-options", text + "^{commit}");
            return code == 0 ? output.Trim() : null;
        }
        catch (Win32Exception)
        {
            throw new UserErrorException($"'{text}' is no folder that holds {Library}, and without git a commit cannot be built: install git, or name a folder.");
        }
    }

    /// <summary>Builds in a worktree of its own, into a folder that gets its name when it is whole.</summary>
    static void BuildCommit(string repository, string commit, string folder, Action<string> status)
    {
        status($"building {commit[..9]}");
        string temporary = Directory.CreateTempSubdirectory("litespark-build-").FullName, source = Path.Combine(temporary, "source"), unfinished = $"{folder}.{Environment.ProcessId}";
        try
        {
            MustRun("git", "-C", repository, "worktree", "add", "--detach", source, commit);
            MustRun("dotnet", "build", Path.Combine(source, "src", "Litespark"), "-c", "Release", "-o", unfinished, "--nologo", "-v", "quiet", "-tl:off",
                "-nodeReuse:false", "-p:UseSharedCompilation=false", "-p:RunAnalyzers=false", "-p:CopyLocalLockFileAssemblies=true");
            Directory.Move(unfinished, folder);
        }
        finally
        {
            ChildProcess.Run("git", "-C", repository, "worktree", "remove", "--force", source);
            Directory.Delete(temporary, recursive: true);
            if (Directory.Exists(unfinished)) Directory.Delete(unfinished, recursive: true);
        }
    }

    static void MustRun(string file, params string[] arguments)
    {
        (int code, string output, string error) = ChildProcess.Run(file, arguments);
        if (code != 0) throw new RunFailureException($"{file} {string.Join(' ', arguments)} failed:\n{(error + output).Trim()}");
    }

    /// <summary>The repository around this program; in a further worktree .git is a file.</summary>
    static string? Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Path.Exists(Path.Combine(folder.FullName, ".git"))) return folder.FullName;
        return null;
    }
}
