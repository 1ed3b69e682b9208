using System.Security.Cryptography;

namespace Litespark.Devices.Cuda.Compilation;

/// <summary>
/// A folder of compiled kernels, named by what they were made from. A file ends in the SHA-256 of what precedes it, so that one
/// that was damaged or cut short counts as missing. Several processes may share the folder.
/// </summary>
/// <param name="folder">Where; made when something is written.</param>
/// <param name="limitBytes">The files that were not used for longest go when there are more bytes than this.</param>
internal sealed class KernelCache(string folder, long limitBytes = 256L << 20)
{
    const string Ending = ".kernel";

    /// <summary>Where the files are.</summary>
    public string Folder => folder;

    /// <summary>Folder for what can be made again: LITESPARK_CACHE, else the system's place for caches.</summary>
    /// <param name="variable">Value of an environment variable, or null.</param>
    public static string DefaultFolder(Func<string, string?> variable)
    {
        if (variable("LITESPARK_CACHE") is { Length: > 0 } named) return named;
        string caches = OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
            : variable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(caches, "litespark");
    }

    /// <summary>What was written under a key, or null.</summary>
    public byte[]? Read(string key)
    {
        string path = PathOf(key);
        try
        {
            byte[] file = File.ReadAllBytes(path);
            int length = file.Length - SHA256.HashSizeInBytes;
            if (length < 0 || !SHA256.HashData(file.AsSpan(0, length)).AsSpan().SequenceEqual(file.AsSpan(length))) return null;
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow); // used: goes later
            return file[..length];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Writes a file, whole or not at all. Where the folder cannot be written, nothing is kept.</summary>
    public void Write(string key, ReadOnlySpan<byte> contents)
    {
        string path = PathOf(key), temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            Directory.CreateDirectory(folder);
            using (FileStream file = File.Create(temporary))
            {
                file.Write(contents);
                file.Write(SHA256.HashData(contents));
            }

            File.Move(temporary, path, overwrite: true);
            Shrink(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A cache that cannot be written costs time, nothing else.
        }
    }

    void Shrink(string justWritten)
    {
        FileInfo[] files = [.. new DirectoryInfo(folder).GetFiles("*" + Ending).OrderByDescending(file => file.FullName == justWritten).ThenByDescending(file => file.LastWriteTimeUtc)];
        foreach (FileInfo leftOver in new DirectoryInfo(folder).GetFiles($"*{Ending}.*").Where(file => file.Extension != Ending && DateTime.UtcNow - file.LastWriteTimeUtc > TimeSpan.FromHours(1)))
            leftOver.Delete(); // of a process that was killed while it wrote
        long total = 0;
        foreach (FileInfo file in files)
        {
            total += file.Length;
            if (total > limitBytes && file.FullName != justWritten) file.Delete();
        }
    }

    string PathOf(string key) => Path.Combine(Path.GetFullPath(folder), key + Ending);
}
