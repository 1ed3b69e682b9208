namespace Litespark.Energy;

/// <summary>What looking for one source came to: how to open its meter, or why there is none and what would help.</summary>
/// <param name="Source">A constant of <see cref="EnergySources"/>.</param>
/// <param name="Detail">What the meter counts, or why there is none; no full stop.</param>
/// <param name="Fix">What would make it readable; null where it is, or where nothing would.</param>
/// <param name="Open">Opens the meter, or throws a <see cref="UserErrorException"/> where it has gone since; null where there is none.</param>
internal sealed record Probe(string Source, string Detail, string? Fix, Func<IEnergyMeter>? Open)
{
    public static Probe None(string source, string detail, string? fix = null) => new(source, detail, fix, null);

    /// <summary>Counters that were found readable.</summary>
    public static Probe Of(string source, string detail, IReadOnlyList<CounterPath> counters) => new(source, detail, null, () => OpenCounters(source, detail, counters));

    /// <summary>Whether the counter can be read now; if not, the error.</summary>
    public static Exception? TryRead(CounterPath path)
    {
        try
        {
            using var counter = new EnergyCounter(path);
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return error;
        }
    }

    /// <summary>The trimmed text of a sysfs attribute, or null where it is missing or unreadable.</summary>
    public static string? ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path).Trim();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Entries of a folder in a fixed order; none where the folder is missing or unreadable.</summary>
    public static string[] Entries(string folder)
    {
        try
        {
            string[] entries = Directory.GetFileSystemEntries(folder);
            Array.Sort(entries, string.CompareOrdinal);
            return entries;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    static CounterMeter OpenCounters(string source, string detail, IReadOnlyList<CounterPath> paths)
    {
        var counters = new List<EnergyCounter>();
        try
        {
            foreach (CounterPath path in paths) counters.Add(new EnergyCounter(path));
            return new CounterMeter(source, detail, [.. counters]);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            foreach (EnergyCounter counter in counters) counter.Dispose();
            throw new UserErrorException($"An energy counter can no longer be read: {error.Message}", error);
        }
    }
}
