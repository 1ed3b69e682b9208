using System.Reflection;
using System.Text.RegularExpressions;

namespace Litespark.Devices.Cuda.Compilation;

/// <summary>The text of the kernels, embedded in the assembly from <c>Kernels/</c>.</summary>
internal static partial class KernelText
{
    const string Folder = "Kernels/";

    /// <summary>All kernel files (<c>.cu</c>), without their ending, in order.</summary>
    public static IReadOnlyList<string> Files { get; } = [.. Assembly.GetExecutingAssembly().GetManifestResourceNames()
        .Where(name => name.StartsWith(Folder, StringComparison.Ordinal) && name.EndsWith(".cu", StringComparison.Ordinal))
        .Select(name => name[Folder.Length..^3]).Order(StringComparer.Ordinal)];

    /// <summary>A kernel file with its includes in their places, each once; the compiler then needs no folder.</summary>
    /// <param name="file">Name without ending.</param>
    /// <param name="substitute">Text to take for an included file instead of its own, or null to take its own: how an emulator puts its wrappers in the hardware's place.</param>
    public static string Flatten(string file, Func<string, string?>? substitute = null) => Flatten(file + ".cu", substitute, []);

    static string Flatten(string name, Func<string, string?>? substitute, HashSet<string> seen)
    {
        if (!seen.Add(name)) return "";
        return Include().Replace(substitute?.Invoke(name) ?? Read(name), match => Flatten(match.Groups[1].Value, substitute, seen));
    }

    /// <summary>A file as it is.</summary>
    public static string Read(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(Folder + name)
            ?? throw new ArgumentException($"no kernel file is called {name}", nameof(name));
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    [GeneratedRegex("""^#include "([^"]+)"$""", RegexOptions.Multiline)]
    private static partial Regex Include();
}
