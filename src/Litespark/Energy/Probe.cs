namespace Litespark.Energy;

/// <summary>What looking for one kind of counter came to: the counters to sum, or why there are none and what would help.</summary>
internal sealed record Probe(string Source, string Detail, string? Fix, IReadOnlyList<CounterPath> Counters)
{
    public bool CanOpen => Counters.Count > 0;

    public static Probe None(string source, string detail, string? fix = null) => new(source, detail, fix, []);

    /// <summary>Opens the counters that were found readable.</summary>
    /// <exception cref="UserErrorException">A counter has gone since it was found.</exception>
    public IEnergyMeter Open()
    {
        var counters = new List<EnergyCounter>();
        try
        {
            foreach (CounterPath path in Counters) counters.Add(new EnergyCounter(path));
            return new CounterMeter(Source, Detail, [.. counters]);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            foreach (EnergyCounter counter in counters) counter.Dispose();
            throw new UserErrorException($"An energy counter can no longer be read: {error.Message}", error);
        }
    }

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
}
