namespace Litespark;

/// <summary>Folders that are written as a whole: nothing of the user's is mixed up or lost.</summary>
internal static class EmptyFolder
{
    /// <summary>Checks that a folder does not exist, or is empty.</summary>
    /// <exception cref="UserErrorException">It holds something, or is a file.</exception>
    public static void Require(string folder)
    {
        if (File.Exists(folder)) throw new UserErrorException($"{folder}: is a file; give a folder that does not exist, or is empty.");
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new UserErrorException($"{folder}: is not empty; give a folder that does not exist, or is empty.");
    }
}
