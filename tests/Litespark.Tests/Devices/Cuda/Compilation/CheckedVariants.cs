using System.Text.RegularExpressions;
using Litespark.Devices.Cuda.Compilation;

namespace Litespark.Tests.Devices.Cuda.Compilation;

/// <summary>
/// The variants of each kernel file that are compiled for the checks, from comment lines in the file itself:
/// <c>// variants: ELEMENT=bf16 WIDTH=4; ELEMENT=float WIDTH=1</c>, and where it is not for all architectures
/// <c>// architectures: sm_90a</c>.
/// </summary>
static partial class CheckedVariants
{
    static readonly string[] architectures = ["sm_80", "sm_89", "sm_90a"];

    /// <summary>Each architecture, file and variant; the macros as they stand in the file.</summary>
    public static IEnumerable<(string Architecture, KernelVariant Variant)> All()
        => from file in KernelText.Files
           let text = KernelText.Flatten(file)
           from architecture in Architectures(text)
           from variant in Of(file, text)
           select (architecture, variant);

    /// <summary>The variants that a file names.</summary>
    /// <exception cref="InvalidDataException">It names none: a file without macros says so by an empty list.</exception>
    public static IReadOnlyList<KernelVariant> Of(string file, string text)
    {
        MatchCollection lines = Variants().Matches(text);
        if (lines.Count == 0) throw new InvalidDataException($"{file}.cu has no line `// variants: A=1 B=2; A=2 B=2`, which says with which macros it is compiled for the checks (none: `// variants:`)");
        return [.. lines.SelectMany(line => line.Groups[1].Value.Split(';')).Select(list => new KernelVariant(file, list.Split(' ', StringSplitOptions.RemoveEmptyEntries)))];
    }

    static string[] Architectures(string text) => ArchitectureLine().Match(text) is { Success: true } line ? line.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries) : architectures;

    [GeneratedRegex("^// variants:(.*)$", RegexOptions.Multiline)]
    private static partial Regex Variants();

    [GeneratedRegex("^// architectures:(.*)$", RegexOptions.Multiline)]
    private static partial Regex ArchitectureLine();
}
