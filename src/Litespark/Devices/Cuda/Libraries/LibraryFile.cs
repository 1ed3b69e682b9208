using System.Globalization;

namespace Litespark.Devices.Cuda.Libraries;

/// <summary>
/// What is known of a library without loading it, which must not be tried: of two versions in one process the second gets the first one's
/// parts. The version is in the name of the file that a link leads to (<c>libcudnn.so.9</c> → <c>libcudnn.so.9.14.0</c>), or, for NVIDIA's
/// wheels, whose files have no such links, in the name of the folder with the list of the wheel's files.
/// </summary>
/// <param name="Path">Path, or a bare name for the loader.</param>
/// <param name="Real">The file that it leads to.</param>
/// <param name="Version">Its version, up to three numbers; null where nothing tells.</param>
/// <param name="Cuda">The CUDA release that a wheel says it is for (<c>nvidia_cudnn_cu12</c>); null where nothing tells.</param>
internal sealed record LibraryFile(string Path, string Real, Version? Version, int? Cuda)
{
    const string Library = ".so.", List = ".dist-info", Release = "_cu";

    /// <summary>A name of which the loader alone knows the file.</summary>
    public static LibraryFile Unknown(string name) => new(name, name, null, null);

    /// <summary>What is known of a file.</summary>
    public static LibraryFile Of(string path)
    {
        string real = LibraryFolders.LinkTarget(path) ?? path, name = System.IO.Path.GetFileName(real);
        int end = name.LastIndexOf(Library, StringComparison.Ordinal);
        if (end >= 0 && Parse(name[(end + Library.Length)..]) is { } version) return new LibraryFile(path, real, version, null);
        (Version? ofWheel, int? cuda) = Wheel(real);
        return new LibraryFile(path, real, ofWheel, cuda);
    }

    /// <summary>The wheel that a file came with: <c>…/site-packages/nvidia/cudnn/lib/libcudnn.so.9</c> is listed in <c>…/site-packages/nvidia_cudnn_cu12-9.10.2.21.dist-info/RECORD</c>.</summary>
    static (Version?, int?) Wheel(string file)
    {
        string nvidia = $"{System.IO.Path.DirectorySeparatorChar}nvidia{System.IO.Path.DirectorySeparatorChar}";
        int start = file.LastIndexOf(nvidia, StringComparison.Ordinal);
        if (start < 0) return default;
        string listed = file[(start + 1)..].Replace(System.IO.Path.DirectorySeparatorChar, '/') + ",";
        try
        {
            foreach (string folder in Directory.GetDirectories(file[..start], "nvidia_*" + List))
            {
                string record = System.IO.Path.Combine(folder, "RECORD");
                if (!File.Exists(record) || !File.ReadLines(record).Any(line => line.StartsWith(listed, StringComparison.Ordinal))) continue;
                string[] parts = System.IO.Path.GetFileName(folder)[..^List.Length].Split('-', 2);
                int release = parts[0].LastIndexOf(Release, StringComparison.Ordinal);
                bool isFor = int.TryParse(release < 0 ? "" : parts[0][(release + Release.Length)..], NumberStyles.None, CultureInfo.InvariantCulture, out int cuda);
                return (parts.Length == 2 ? Parse(parts[1]) : null, isFor ? cuda : null);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It does not tell.
        }

        return default;
    }

    /// <summary>The first three numbers; a single one says no more than the library's name does.</summary>
    static Version? Parse(string text)
    {
        string[] numbers = text.Split('.');
        return numbers.Length >= 2 && Version.TryParse(string.Join('.', numbers.Take(3)), out Version? version) ? version : null;
    }
}
