using System.Globalization;

namespace Litespark.Checkpoints;

/// <summary>
/// The names of checkpoints on the disk and the order in which they change. <c>step-N</c> is a checkpoint, <c>step-N.partial</c>
/// is being written, <c>step-N.replaced</c> gives way to another of the same step.
/// </summary>
internal sealed class CheckpointFolders(string root)
{
    const string Prefix = "step-", Partial = ".partial", Replaced = ".replaced";

    /// <summary>The folder that holds them.</summary>
    public string Root => root;

    /// <summary>Undoes a replacement that was interrupted between its two renames.</summary>
    public void Recover()
    {
        foreach (string replaced in Folders("*" + Replaced))
        {
            string original = replaced[..^Replaced.Length];
            if (!Directory.Exists(original))
                Directory.Move(replaced, original);
        }
    }

    /// <summary>Removes what interrupted saves left and makes an empty folder to write to.</summary>
    public string Begin(int step)
    {
        foreach (string leftover in Folders("*" + Partial).Concat(Folders("*" + Replaced)))
            Directory.Delete(leftover, recursive: true);
        return Directory.CreateDirectory(PathOf(step) + Partial).FullName;
    }

    /// <summary>Gives the written folder its name.</summary>
    public string Publish(int step)
    {
        string path = PathOf(step), replaced = path + Replaced;
        if (Directory.Exists(path))
            Directory.Move(path, replaced);
        Directory.Move(path + Partial, path);
        DurableFile.FlushFolder(root);
        if (Directory.Exists(replaced))
            Directory.Delete(replaced, recursive: true);
        return path;
    }

    /// <summary>Removes what was written, as far as that is possible.</summary>
    public void Abandon(int step)
    {
        string partial = PathOf(step) + Partial;
        if (Directory.Exists(partial))
            TryDelete(partial);
    }

    /// <summary>All folders, newest first; of one step the finished one first.</summary>
    public IEnumerable<(int Step, string Path, bool Temporary)> NewestFirst() =>
        from path in Folders(Prefix + "*")
        let name = Path.GetFileName(path)
        let temporary = name.EndsWith(Partial, StringComparison.Ordinal)
        let step = ParseStep(temporary ? name[..^Partial.Length] : name)
        where step != null
        orderby step descending, temporary
        select (step.Value, path, temporary);

    /// <summary>
    /// Removes checkpoints beyond the newest <paramref name="keep"/> whole ones. Which are whole is told by names and sizes here:
    /// reading every byte after each save would cost more than it is worth, and the one just saved stays in any case.
    /// </summary>
    public void Prune(int keep, string saved)
    {
        if (keep == 0)
            return;
        int whole = 0;
        foreach (var (_, path, temporary) in NewestFirst().ToList())
        {
            if (temporary)
                continue;
            if (whole >= keep && path != saved)
                TryDelete(path);
            else if (path == saved || CheckpointManifest.Verify(path, checksums: false) == null)
                whole++;
        }
    }

    /// <summary>A folder that cannot be deleted is no reason to end a run: the next save tries again.</summary>
    static void TryDelete(string path)
    {
        try
        {
            Directory.Delete(path, recursive: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
        }
    }

    string PathOf(int step) => Path.Combine(root, Prefix + step.ToString("D8", CultureInfo.InvariantCulture));

    string[] Folders(string pattern) => Directory.Exists(root) ? Directory.GetDirectories(root, pattern) : [];

    static int? ParseStep(string name) =>
        int.TryParse(name.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int step) ? step : null;
}
