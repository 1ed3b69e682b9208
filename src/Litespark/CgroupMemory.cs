using System.Globalization;

namespace Litespark;

/// <summary>The memory limit that Linux control groups put on this process: that of a container or a service.</summary>
internal static class CgroupMemory
{
    /// <summary>The smallest limit of the process's group and the groups around it, in bytes; null where there is none.</summary>
    /// <param name="membership">File that names the process's groups: <c>HIERARCHY:CONTROLLERS:PATH</c> on each line.</param>
    /// <param name="root">Where the groups' files are.</param>
    public static long? Limit(string membership = "/proc/self/cgroup", string root = "/sys/fs/cgroup")
    {
        try
        {
            if (!File.Exists(membership)) return null;
            long? limit = null;
            foreach (string line in File.ReadLines(membership))
            {
                string[] parts = line.Split(':', 3);
                if (parts.Length < 3) continue;

                // Version 2 has one hierarchy without controllers' names; version 1 one for each controller.
                if (parts[1].Length == 0) Lower(ref limit, root, parts[2], "memory.max");
                else if (parts[1].Split(',').Contains("memory")) Lower(ref limit, Path.Combine(root, "memory"), parts[2], "memory.limit_in_bytes");
            }

            return limit;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>From the group outwards to the root; a container sees its own group as the root, whatever the path says.</summary>
    static void Lower(ref long? limit, string root, string group, string file)
    {
        for (string? folder = group.Trim('/'); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            string path = Path.Combine(root, folder, file);
            if (!File.Exists(path)) continue;
            if (long.TryParse(File.ReadAllText(path).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long bytes)) limit = Math.Min(limit ?? bytes, bytes); // "max" is no number
        }
    }
}
