using System.Globalization;
using System.Text.RegularExpressions;
using Litespark.Devices.Cuda.Compilation;

namespace Litespark.Tests.Devices.Cuda.Compilation;

/// <summary>
/// The variants of each kernel file that are compiled for the checks, from comment lines in the file itself:
/// <c>// variants: ELEMENT=bf16 WIDTH=4; ELEMENT=float WIDTH=1</c>, and for some architectures alone <c>// variants (sm_80 sm_89): WIDTH=2</c>.
/// Architectures that only newer compilers know are checked where the compiler at hand knows them, with what is sm_90a's, but not with what
/// is that one's alone: <c>// variants (sm_90a alone): WIDTH=8</c>.
/// </summary>
static partial class CheckedVariants
{
    const string Newest = "sm_90a", Alone = "alone";

    static readonly string[] old = ["sm_80", "sm_89", Newest], recent = ["sm_100a", "sm_103a", "sm_120a"];

    /// <summary>Each architecture and variant; the macros as they stand in the file.</summary>
    public static IEnumerable<(string Architecture, KernelVariant Variant)> All() => KernelText.Files.SelectMany(file => Of(file, KernelText.Flatten(file), NvrtcHere.Library?.Architectures ?? []));

    /// <summary>What a file names.</summary>
    /// <exception cref="InvalidDataException">It names nothing: a file without macros says so by an empty list.</exception>
    public static IReadOnlyList<(string Architecture, KernelVariant Variant)> Of(string file, string text, IReadOnlyCollection<int> known)
    {
        MatchCollection lines = Lines().Matches(text);
        if (lines.Count == 0) throw new InvalidDataException($"{file}.cu has no line `// variants: A=1 B=2; A=2 B=2`, which says with which macros it is compiled for the checks (none: `// variants:`)");
        string[] more = [.. recent.Where(architecture => known.Contains(int.Parse(architecture[3..^1], CultureInfo.InvariantCulture)))], all = [.. old, .. more];
        return [.. from line in lines
                   from macros in line.Groups["variants"].Value.Split(';')
                   from architecture in line.Groups["only"].Success ? Only(Words(line.Groups["only"].Value), more) : all
                   select (architecture, new KernelVariant(file, Words(macros)))];
    }

    static IEnumerable<string> Only(string[] names, string[] more)
        => names.Contains(Alone) ? names.Where(name => name != Alone) : names.SelectMany(name => name == Newest ? [name, .. more] : new[] { name });

    static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    [GeneratedRegex(@"^// variants(?: \((?<only>[^)]*)\))?:(?<variants>.*)$", RegexOptions.Multiline)]
    private static partial Regex Lines();
}
