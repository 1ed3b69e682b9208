using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Litespark.Models;

namespace Litespark.Checkpoints;

/// <summary>
/// <c>manifest.json</c>: the size and SHA-256 of every other file of a checkpoint. It is written last, so that a folder without it
/// is known to be half-written.
/// </summary>
internal static class CheckpointManifest
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "manifest.json";

    const int FormatVersion = 1;

    /// <summary>Flushes every file of the folder to the disk and lists it; then flushes the list and the folders.</summary>
    public static void Write(string folder, int step)
    {
        var files = new JsonObject();
        foreach (string path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            using FileStream stream = OpenToFlush(path);
            RandomAccess.FlushToDisk(stream.SafeFileHandle);
            string name = Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/');
            files[name] = new JsonObject { ["size"] = stream.Length, ["sha256"] = Hash(stream) };
        }
        string manifest = Path.Combine(folder, FileName);
        JsonFile.Write(manifest, new JsonObject { ["format_version"] = FormatVersion, ["step"] = step, ["files"] = files });
        using (FileStream stream = OpenToFlush(manifest))
            RandomAccess.FlushToDisk(stream.SafeFileHandle);
        foreach (string inner in Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories))
            DurableFile.FlushFolder(inner);
        DurableFile.FlushFolder(folder);
    }

    /// <summary>Why the folder is not whole; null if it is.</summary>
    /// <param name="folder">A checkpoint's folder.</param>
    /// <param name="checksums">Read every byte; otherwise only names and sizes are compared.</param>
    public static string? Verify(string folder, bool checksums)
    {
        if (!Directory.Exists(folder))
            return "there is no such folder";
        if (!File.Exists(Path.Combine(folder, FileName)))
            return $"{FileName} is missing: it was not written to its end";
        try
        {
            JsonObject manifest = JsonFile.Read(Path.Combine(folder, FileName));
            if (manifest["files"] is not JsonObject files)
                return $"{FileName} lists no files";
            foreach (var (name, entry) in files)
                if (VerifyFile(folder, name, entry, checksums) is { } reason)
                    return reason;
            return null;
        }
        catch (UserErrorException damaged)
        {
            return damaged.Message;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            return $"cannot be read: {unreadable.Message}";
        }
    }

    static string? VerifyFile(string folder, string name, JsonNode? entry, bool checksums)
    {
        if (entry is not JsonObject || entry["size"]?.GetValueKind() != JsonValueKind.Number || entry["sha256"]?.GetValueKind() != JsonValueKind.String)
            return $"{FileName} has no size and checksum of {name}";
        var file = new FileInfo(Path.Combine(folder, name));
        if (!file.Exists)
            return $"{name} is missing";
        long size = entry["size"]!.GetValue<long>();
        if (file.Length != size)
            return $"{name} has {file.Length} bytes instead of {size}";
        if (!checksums)
            return null;
        using FileStream stream = new(file.FullName, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        return Hash(stream) == entry["sha256"]!.GetValue<string>() ? null : $"{name} is damaged: its checksum does not match";
    }

    /// <summary>Windows flushes only what is open for writing; elsewhere reading is enough, so that a read-only file passes too.</summary>
    static FileStream OpenToFlush(string path) =>
        new(path, FileMode.Open, OperatingSystem.IsWindows() ? FileAccess.ReadWrite : FileAccess.Read, FileShare.Read, bufferSize: 0);

    static string Hash(FileStream stream) => Convert.ToHexStringLower(SHA256.HashData(stream));
}
