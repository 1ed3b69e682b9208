using Litespark.Checkpoints;
using System.Text.RegularExpressions;
using Litespark.Recipes;
using Litespark.Reporting;

namespace Litespark.Training;

/// <summary>A run's folder: its recipe, metrics and checkpoints. Only one process trains in it at a time.</summary>
public sealed class RunFolder : IDisposable
{
    /// <summary>The resolved recipe.</summary>
    public const string RecipeFile = "recipe.yaml";

    const string LockFile = ".lock";
    readonly FileStream lockStream;

    RunFolder(string path)
    {
        Path = path;
        string lockPath = System.IO.Path.Combine(path, LockFile);
        try
        {
            Directory.CreateDirectory(path);
            lockStream = new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException error) when (File.Exists(lockPath))
        {
            throw new UserErrorException($"{path}: another litespark is training in this folder; wait for it, stop it, or choose another folder with --out.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: the run folder cannot be written: {error.Message} Choose another with --out.", error);
        }
    }

    /// <summary>Where it is.</summary>
    public string Path { get; }

    /// <summary>Opens a folder, which is created where needed.</summary>
    public static RunFolder Open(string path) => new(path);

    /// <summary>Refuses a folder that holds a run: a new one would mix with it.</summary>
    /// <exception cref="UserErrorException">It holds metrics or checkpoints.</exception>
    public static void RequireUnused(string path)
    {
        var metrics = new FileInfo(System.IO.Path.Combine(path, MetricsWriter.FileName));
        string checkpoints = System.IO.Path.Combine(path, CheckpointStore.FolderName);
        if (metrics is { Exists: true, Length: > 0 } || (Directory.Exists(checkpoints) && Directory.EnumerateFileSystemEntries(checkpoints).Any()))
            throw new UserErrorException($"{path} already holds a run; go on with it by --resume, or choose another folder with --out.");
    }

    /// <summary>A new name below <c>runs/</c>: recipe and time.</summary>
    public static string NewPath(string recipeName)
    {
        string name = LoadedRecipe.ShortNameOf(recipeName);
        string stem = System.IO.Path.Combine("runs", $"{name}-{DateTime.Now:yyyyMMdd-HHmmss}"), path = stem;
        for (int i = 2; Directory.Exists(path); i++) path = $"{stem}-{i}";
        return path;
    }

    /// <summary>The newest run below <c>runs/</c> of a recipe (of any recipe for null), or null.</summary>
    public static string? FindLatest(string? recipeName)
    {
        if (!Directory.Exists("runs")) return null;
        var pattern = new Regex($@"^{(recipeName is null ? ".+" : Regex.Escape(LoadedRecipe.ShortNameOf(recipeName)))}-\d{{8}}-\d{{6}}(-\d+)?$");
        return new DirectoryInfo("runs").EnumerateDirectories()
            .Where(folder => pattern.IsMatch(folder.Name))
            .Where(folder => File.Exists(System.IO.Path.Combine(folder.FullName, RecipeFile)))
            .OrderByDescending(folder => File.GetLastWriteTimeUtc(System.IO.Path.Combine(folder.FullName, RecipeFile)))
            .Select(folder => System.IO.Path.Combine("runs", folder.Name)).FirstOrDefault();
    }

    /// <summary>Saves the resolved recipe with the run.</summary>
    public void SaveRecipe(Recipe recipe)
    {
        string path = System.IO.Path.Combine(Path, RecipeFile);
        // WriteAllText would reserve the space first, and fail there without the code that tells a full disk.
        using (var writer = new StreamWriter(path + ".tmp")) writer.Write(recipe.ToYaml());
        File.Move(path + ".tmp", path, overwrite: true);
    }

    /// <inheritdoc/>
    public void Dispose() => lockStream.Dispose();
}
