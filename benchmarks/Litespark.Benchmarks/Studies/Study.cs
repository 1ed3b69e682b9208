namespace Litespark.Benchmarks.Studies;

/// <summary>A run that a study consists of.</summary>
/// <param name="Name">Its folder.</param>
/// <param name="Group">What it is shown beside.</param>
/// <param name="Description">What it is.</param>
internal sealed record StudyEntry(string Name, string Group, string Description);

/// <summary>
/// A folder of runs. Its <see cref="ListName"/> names them all, one on a line, with group and description after tabs; without it every folder
/// with a recipe is a run.
/// </summary>
internal sealed class Study
{
    public const string ListName = "study.tsv";

    /// <summary>The group that all others are held against.</summary>
    public const string MainGroup = "main";

    Study(IReadOnlyList<StudyEntry> entries, IReadOnlyList<StudyRun> runs, IReadOnlyList<string> missing) => (Entries, Runs, Missing) = (entries, runs, missing);

    /// <summary>All that belong to it.</summary>
    public IReadOnlyList<StudyEntry> Entries { get; }

    /// <summary>Those that came to their end.</summary>
    public IReadOnlyList<StudyRun> Runs { get; }

    /// <summary>The others, each with how far it is.</summary>
    public IReadOnlyList<string> Missing { get; }

    /// <summary>Reads a folder.</summary>
    /// <param name="folder">The runs.</param>
    /// <param name="kept">Runs of earlier pages, taken where the folder does not have them at their end.</param>
    /// <exception cref="UserErrorException">There is no such folder, or a file in it is damaged.</exception>
    public static Study Read(string folder, params IReadOnlyList<StudyRun> kept)
    {
        if (!Directory.Exists(folder)) throw new UserErrorException($"There is no folder {folder}; benchmarks/mst makes one with the runs of its study.");
        string list = Path.Combine(folder, ListName);
        StudyEntry[] entries = File.Exists(list)
            ? [.. File.ReadLines(list).Where(line => line.Length > 0).Select(line => Entry(line, list))]
            : [.. Directory.GetDirectories(folder).Order(StringComparer.Ordinal).Select(run => new StudyEntry(Path.GetFileName(run), MainGroup, ""))];
        var runs = new List<StudyRun>();
        var missing = new List<string>();
        foreach (StudyEntry entry in entries)
        {
            if (StudyRun.Read(Path.Combine(folder, entry.Name), out string progress) is { } run) runs.Add(run);
            else if (kept.FirstOrDefault(run => run.Name == entry.Name) is { } earlier) runs.Add(earlier);
            else missing.Add($"{entry.Name} ({progress})");
        }

        return new Study(entries, runs, missing);
    }

    /// <summary>Variants with a run at its end, each beside the dense runs of its family, in the order of the list.</summary>
    public IReadOnlyList<StudyVariant> Variants() =>
    [
        .. Entries.Select(entry => StudyRun.SplitName(entry.Name).Variant).Distinct()
            .Select(variant => (Name: variant, Runs: RunsOf(variant))).Where(variant => variant.Runs.Length > 0)
            .Select(variant => new StudyVariant(Entries.First(entry => StudyRun.SplitName(entry.Name).Variant == variant.Name), variant.Runs, RunsOf(ReferenceOf(variant.Name)))),
    ];

    /// <summary>The dense runs that a variant is held against: those of its own family.</summary>
    public static string ReferenceOf(string variant) => variant.StartsWith("gpt2-", StringComparison.Ordinal) ? "gpt2-dense" : "dense";

    StudyRun[] RunsOf(string variant) => [.. Runs.Where(run => run.Variant == variant)];

    static StudyEntry Entry(string line, string path)
    {
        string[] parts = line.Split('\t');
        return parts.Length == 3 ? new StudyEntry(parts[0], parts[1], parts[2]) : throw new UserErrorException($"{path}: expected name, group and description with tabs between them, found '{line}'.");
    }
}
